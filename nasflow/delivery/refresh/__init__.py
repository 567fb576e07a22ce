"""Refreshing a champion: looking whether the data have changed, how it does on them, and what to do about it."""
