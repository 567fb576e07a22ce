"""Data: sources, splits, and the prepared bundle."""
