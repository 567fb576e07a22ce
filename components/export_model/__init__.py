"""The step `export_model`."""
