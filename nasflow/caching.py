"""The folder of this user in which what can be made again is kept."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = "NASFLOW_CACHE"
"""Environment variable that names the folder."""


def cache_folder() -> Path:
    """Return the folder that `$NASFLOW_CACHE` names, else `nasflow` below `$XDG_CACHE_HOME` or `~/.cache`.

    It may not be there yet.
    """
    if named := os.environ.get(CACHE):
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nasflow"
