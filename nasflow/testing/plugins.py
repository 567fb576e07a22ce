"""Parts that are installed for a test only, in this process and in those that it starts."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from nasflow import plugins


@contextlib.contextmanager
def installed(folder: Path, entries: Mapping[plugins.Group, Mapping[str, str]], name: str = "rigged") -> Iterator[Path]:
    """Install a distribution that provides entry points, for the length of a `with` statement.

    It is a real one, as pip would leave it: found through `sys.path` here, and through `PYTHONPATH` by the processes
    that are started meanwhile. Modules of its own can be written into the folder.

    Args:
        folder: Where it goes; must exist.
        entries: For each group, names and what they stand for, as in `{"families": {"mine": "my_module:MyFamily"}}`.
        name: Name of the distribution.

    Yields:
        The folder.
    """
    metadata = folder / f"{name}-0.0.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.0.0\n", encoding="utf-8")
    sections = [
        f"[nasflow.{group}]\n" + "".join(f"{entry} = {target}\n" for entry, target in provided.items())
        for group, provided in entries.items()
    ]
    metadata.joinpath("entry_points.txt").write_text("\n".join(sections), encoding="utf-8")
    before = os.environ.get("PYTHONPATH")
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *([before] if before else [])])
    _forget()
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        _forget()


def _forget() -> None:
    """Let the next look-up see what is installed now."""
    importlib.invalidate_caches()
    plugins._entries.cache_clear()
    plugins.load.cache_clear()
