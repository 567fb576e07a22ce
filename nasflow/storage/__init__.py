"""Where results, checkpoints and prepared data are kept."""

from nasflow.storage.opening import open_store
from nasflow.storage.protocol import Store

__all__ = ["Store", "open_store"]
