"""Where results, checkpoints and prepared data are kept."""

from nasflow.storage.opening import check_url, open_store
from nasflow.storage.protocol import Store

__all__ = ["Store", "check_url", "open_store"]
