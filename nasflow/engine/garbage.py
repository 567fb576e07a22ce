"""Finding and removing what no search needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nasflow.engine.keeping import needed_checkpoints
from nasflow.engine.kept import all_records, holder_of
from nasflow.engine.records import SearchRecords
from nasflow.storage import Store


@dataclass(frozen=True)
class Garbage:
    """Something that no search needs.

    Attributes:
        kind: What it is, in words.
        size: Its bytes.
        remove: Removes it.
    """

    kind: str
    size: int
    remove: Callable[[], None]


def garbage(store: Store) -> Iterator[Garbage]:
    """Yield what no search of a store needs: checkpoints, prepared data, and what finished pipelines left behind.

    Results are kept: another search that asks for the same trial finds them. Nothing of a search that is running is
    yielded, and nothing that a search needs which this version cannot read.
    """
    searches = all_records(store)
    yield from _checkpoints(store, searches)
    local = store.local_folder()
    running = {records.search_id for records in searches if holder_of(records)}
    for folder in _folders(local / "pipelines"):
        if folder.name not in running:
            yield _folder("artifacts of finished pipelines", folder)
    needed = {Path((records.description() or {"bundle": ""})["bundle"]) for records in searches}
    for folder in _folders(local / "data"):
        if folder not in needed and not running:
            yield _folder("prepared data", folder)


def _checkpoints(store: Store, searches: list[SearchRecords]) -> Iterator[Garbage]:
    needed = needed_checkpoints(searches)
    for key in store.keys("checkpoints/"):
        if key not in needed:
            content = store.get(key)
            yield Garbage("checkpoints", len(content or b""), partial(store.delete, key))


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _folder(kind: str, path: Path) -> Garbage:
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return Garbage(kind, size, partial(shutil.rmtree, path, ignore_errors=True))
