"""The step `detect_change`."""
