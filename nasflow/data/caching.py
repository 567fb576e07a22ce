"""The folder of this user in which what can be made again is kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return `nasflow` below `$XDG_CACHE_HOME`, or below `~/.cache` where that is not set; it may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nasflow"
