"""The step `prepare_data`."""
