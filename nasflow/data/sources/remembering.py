"""What was found in a file once, kept until the file changes."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nasflow.caching import cache_folder
from nasflow.data.protocol import Summary
from nasflow.data.sources.trees import unreadable
from nasflow.ids import digest

_VERSION = 2
"""Raised by hand when the same file would be described otherwise."""


def stamp(path: Path) -> str:
    """Return what changes when a file does: a hash of its size and of the time of its last change.

    Raises:
        DataError: There is no such file.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return digest([stat.st_size, stat.st_mtime_ns])


def remembered(path: Path, look: Callable[[], Summary]) -> Summary:
    """Return what a file holds, from the user's cache where the file is as it was.

    The cache has one small document a file. Where it cannot be read or written, the file is looked at each time.

    Args:
        path: The file.
        look: Looks at it, which takes long.

    Raises:
        DataError: There is no such file, or `look` refuses it.
    """
    now = stamp(path)
    document = cache_folder() / "scans" / f"{digest(str(path.resolve()))}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(document.read_text(encoding="utf-8"))
        if known["stamp"] == [_VERSION, now]:
            return _summary(known["summary"])
    summary = look()
    if stamp(path) == now:
        with suppress(OSError):
            _write(document, {"stamp": [_VERSION, now], "summary": asdict(summary)})
    return summary


def _summary(fields: dict[str, Any]) -> Summary:
    return Summary(
        classes=tuple(map(str, fields["classes"])),
        counts=tuple(map(int, fields["counts"])),
        channels=int(fields["channels"]),
        size=int(fields["size"]),
        splits=tuple(fields["splits"]),
        digest=str(fields["digest"]),
    )


def _write(document: Path, content: dict[str, Any]) -> None:
    document.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=document.name, dir=document.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file)
    Path(name).replace(document)
