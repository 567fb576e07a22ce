"""Preparing the data of a search once, and finding it again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nasflow.config import DataConfig
from nasflow.data.bundle import DataBundle
from nasflow.data.opening import Found, find_source
from nasflow.data.prepare import prepare
from nasflow.data.protocol import Summary
from nasflow.data.verified import open_verified, remember_verified
from nasflow.errors import DataError, IntegrityError
from nasflow.ids import digest
from nasflow.storage import Store


def prepared(
    config: DataConfig,
    base: Path,
    store: Store,
    on_progress: Callable[[int, int], None] | None = None,
    found: Found | None = None,
) -> DataBundle:
    """Return the prepared data, from the store's local folder where an earlier run has left them.

    Args:
        config: The data section.
        base: Folder that relative paths start at.
        store: The store.
        on_progress: Told of samples read and samples in all.
        found: What `find_source` has found already; looking at many files takes its time.

    Raises:
        DataError: The data cannot be learned from; nothing is left behind.
    """
    found = found or find_source(config, base)
    folder = bundle_folder(config, base, store, found.summary)
    if folder.exists():
        try:
            return open_verified(folder)
        except IntegrityError:
            shutil.rmtree(folder)
    try:
        bundle = prepare(config, base, folder, on_progress, found)
    except DataError:
        for parent in folder.parents[:3]:  # `data`, `local` and the store itself, which are there for this alone
            with suppress(OSError):  # unless something else is in them
                parent.rmdir()
        raise
    remember_verified(folder)
    return bundle


def bundle_folder(config: DataConfig, base: Path, store: Store, summary: Summary) -> Path:
    """Return the folder of the prepared data: its name changes with the source, its content and the data section."""
    settings = config.model_dump(mode="json")
    return store.local_folder() / "data" / digest([settings, str(base), summary.digest, summary.size, summary.channels])


def copied(bundle: DataBundle, target: Path) -> DataBundle:
    """Put prepared data into another folder, by hard links where the file system has them.

    Args:
        bundle: The prepared data.
        target: A folder that may exist, empty.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(bundle.root.rglob("*")):
        place = target / path.relative_to(bundle.root)
        if path.is_dir():
            place.mkdir(exist_ok=True)
            continue
        place.unlink(missing_ok=True)
        try:
            place.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, place)
    return DataBundle.open(target, verify=False)
