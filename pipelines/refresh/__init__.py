"""The refresh pipeline: looks whether the data have changed, and searches and promotes only then."""
