"""Data: sources, splits, and the prepared bundle."""

from nasflow.data.bundle import DataBundle
from nasflow.data.protocol import SPLITS, Sample, Source, Split, Summary

__all__ = ["SPLITS", "DataBundle", "Sample", "Source", "Split", "Summary"]
