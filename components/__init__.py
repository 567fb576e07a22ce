"""The components of the pipelines: one folder, one KFP component each."""
