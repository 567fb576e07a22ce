"""A store in a bucket of MinIO, of AWS S3 or of anything else that speaks S3."""
