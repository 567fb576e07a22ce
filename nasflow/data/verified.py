"""Comparing the checksums of prepared data once, not at every start: they may be larger than memory."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

from nasflow.data.bundle import DataBundle

VERIFIED = "verified.json"


def open_verified(root: Path) -> DataBundle:
    """Open a prepared folder whose files were compared with their checksums.

    They are read for it only where one of them has another size, time of change or inode than when they were compared
    last. What changes a file behind the file system's back stays unseen; delete `verified.json` to compare anew.

    Args:
        root: The folder.

    Raises:
        IntegrityError: Something is missing or altered; the text names it.
    """
    if _remembered(root) == _state(root):
        return DataBundle.open(root, verify=False)
    bundle = DataBundle.open(root)
    remember_verified(root)
    return bundle


def remember_verified(root: Path) -> None:
    """Note that the files of a prepared folder are what their checksums say; no matter where it cannot be written."""
    with suppress(OSError), tempfile.TemporaryDirectory(prefix=f".{VERIFIED}.", dir=root) as folder:
        note = Path(folder) / VERIFIED
        note.write_text(json.dumps(_state(root)), encoding="utf-8")
        note.replace(root / VERIFIED)


def _remembered(root: Path) -> object:
    try:
        return json.loads((root / VERIFIED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _state(root: Path) -> dict[str, list[int]]:
    """Return size, time of change and inode of every file but the note itself and those in the making."""
    states = {path.name: path.stat() for path in sorted(root.iterdir()) if not path.name.startswith((VERIFIED, "."))}
    return {name: [state.st_size, state.st_mtime_ns, state.st_ino] for name, state in states.items()}
