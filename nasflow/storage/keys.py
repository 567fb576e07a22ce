"""Keys of a store: which are legal, and that they stay inside it."""

from __future__ import annotations

import re

from nasflow.errors import StorageError

_LEGAL = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")

MAX_PART = 200
"""Characters between two slashes: file systems allow 255, and temporary names are longer than keys."""


def legal(key: str) -> bool:
    """Whether a key is a relative path of letters, digits and `._-` with no `.` or `..` in it."""
    parts = key.split("/")
    return (
        _LEGAL.fullmatch(key) is not None
        and not {".", ".."} & set(parts)
        and max(len(part) for part in parts) <= MAX_PART
    )


def check_key(key: str) -> str:
    """Return the key.

    Raises:
        StorageError: It is not legal.
    """
    if not legal(key):
        raise StorageError(
            f"a key is a relative path of letters, digits and '._-' without '..', at most {MAX_PART} characters "
            f"between slashes, not '{key[:300]}'."
        )
    return key
