"""The folder of this user in which what can be made again is kept."""

from __future__ import annotations

import os
from pathlib import Path

from nasflow.errors import UserError

CACHE = "NASFLOW_CACHE"
"""Environment variable that names the folder."""


def cache_folder() -> Path:
    """Return the folder that `$NASFLOW_CACHE` names, else `nasflow` below `$XDG_CACHE_HOME` or `~/.cache`.

    It may not be there yet.

    Raises:
        UserError: None is named, and the user has no home.
    """
    named, base = os.environ.get(CACHE), os.environ.get("XDG_CACHE_HOME")
    try:
        if named:
            return Path(named).expanduser().absolute()
        return Path(base or Path.home() / ".cache") / "nasflow"
    except RuntimeError:  # of a user that is a mere number, as in a container
        raise UserError(
            f"user {os.getuid()} has no home folder to keep files in; name a folder in the variable {CACHE}."
        ) from None
