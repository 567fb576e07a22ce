"""The step `generate_space`."""
