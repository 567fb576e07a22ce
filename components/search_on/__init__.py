"""The step `search_on`."""
