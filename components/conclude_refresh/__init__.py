"""The step `conclude_refresh`."""
