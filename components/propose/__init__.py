"""The step `propose`."""
