"""Preparing data: decoded, stored at one size, split, described and checksummed, in bounded memory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasflow.config import DataConfig
from nasflow.data.bundle import DataBundle, images_file, samples_file, targets_file, write_document
from nasflow.data.checks import check_classes, check_free_space, check_splits
from nasflow.data.meta import meta_features, statistics
from nasflow.data.opening import Found, find_source
from nasflow.data.protocol import SPLITS, Split, Summary
from nasflow.data.splits import Record, assign
from nasflow.data.staging import Staged, stage
from nasflow.errors import IntegrityError, StorageError

PREPARATION_VERSION = 1
"""Raised by hand when the same source would give other pixels or another order; part of the fingerprint."""

_STAGING = "staging.raw"
_BLOCK = 1024
_BYTES_PER_SAMPLE = 600
"""Room for names, hashes and labels, beside the pixels."""


def prepare(
    config: DataConfig,
    base: Path,
    target: Path,
    on_progress: Callable[[int, int], None] | None = None,
    found: Found | None = None,
) -> DataBundle:
    """Read a whole source into a folder of memory-mappable arrays.

    The folder appears whole or not at all. Memory does not grow with the images: each is decoded once into a staging
    file, and copied from there into its split.

    Args:
        config: The data section.
        base: Folder that relative paths start at.
        target: The folder to make; what stands there is replaced.
        on_progress: Told of samples read and samples in all.
        found: What `find_source` has found already.

    Raises:
        UserError: The data cannot be learned from; nothing is left behind.
        StorageError: The folder cannot be written.
    """
    found = found or find_source(config, base)
    summary = found.summary
    total = sum(summary.counts)
    with _folder_in_the_making(target) as folder:
        image_bytes = summary.size**2 * summary.channels
        check_free_space(folder, total * (2 * image_bytes + _BYTES_PER_SAMPLE))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd images, without saying which
            staged = stage(
                found.source.samples(),
                folder / _STAGING,
                (summary.size, summary.channels),
                config.max_broken,
                lambda seen: on_progress(seen, max(total, seen)) if on_progress else None,
            )
        _write(folder, summary, staged, config)
    return DataBundle.open(target, verify=False)


def _write(folder: Path, summary: Summary, staged: Staged, config: DataConfig) -> None:
    """Write everything in the folder, from the staging file and the records."""
    labels = np.array([record.label for record in staged.records], dtype=np.int64)
    total = np.bincount(labels, minlength=len(summary.classes)).tolist()
    check_classes(dict(zip(summary.classes, total, strict=True)), config.min_per_class)
    splits, dropped = assign(staged.records, summary.splits, config.shares)
    counts = {split: _counts(splits[split], len(summary.classes)) for split in SPLITS}
    check_splits(summary.classes, counts, summary.splits, dropped)
    shape = (len(staged.records), summary.size, summary.size, summary.channels)
    pixels = np.memmap(folder / _STAGING, dtype=np.uint8, mode="r", shape=shape)
    for split in SPLITS:
        _write_split(folder, split, splits[split], pixels)
    del pixels
    (folder / _STAGING).unlink()
    arrays = {split: _arrays(folder, split) for split in SPLITS}
    stats = statistics(arrays["train"][0])
    write_document(
        folder,
        {
            "classes": list(summary.classes),
            "channels": summary.channels,
            "size": summary.size,
            "class_counts": counts,
            "mean": stats.mean,
            "std": stats.std,
            "meta": meta_features(counts["train"], stats, arrays["train"], arrays["val"]),
            "fingerprint": _fingerprint(summary, splits),
            "skipped": staged.skipped,
            "dropped": dropped,
            "given": list(summary.splits),
        },
    )


def _counts(records: Sequence[Record], classes: int) -> list[int]:
    counts: list[int] = np.bincount([record.label for record in records], minlength=classes).tolist()
    return counts


def _write_split(folder: Path, split: Split, records: Sequence[Record], pixels: NDArray[np.uint8]) -> None:
    images = np.lib.format.open_memmap(
        folder / images_file(split), mode="w+", dtype=np.uint8, shape=(len(records), *pixels.shape[1:])
    )
    rows = np.array([record.row for record in records], dtype=np.int64)
    for start in range(0, len(rows), _BLOCK):
        images[start : start + _BLOCK] = pixels[rows[start : start + _BLOCK]]
    images.flush()
    np.save(folder / targets_file(split), np.array([record.label for record in records], dtype=np.int64))
    samples = {"names": [record.name for record in records], "keys": [record.key for record in records]}
    (folder / samples_file(split)).write_text(json.dumps(samples), encoding="utf-8")


def _arrays(folder: Path, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return np.load(folder / images_file(split), mmap_mode="r"), np.load(folder / targets_file(split))


def _fingerprint(summary: Summary, splits: dict[Split, list[Record]]) -> str:
    """Hash what training and evaluation depend on, which names and places of files are not."""
    state = hashlib.blake2b(digest_size=16)
    head = [PREPARATION_VERSION, summary.size, summary.channels, summary.classes]
    state.update(json.dumps(head).encode())
    for split in SPLITS:
        for record in splits[split]:
            state.update(f"{split} {record.label} {record.key}\n".encode())
    return state.hexdigest()


@contextmanager
def _folder_in_the_making(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside the target, which becomes the target at the end; on an error nothing is left."""
    made = [parent for parent in target.parents if not parent.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise StorageError(f"{target.parent}: no folder can be made there ({error.strerror}).") from error
    try:
        yield folder
        folder.chmod(0o755)
        _sync(folder)
        _put_in_place(folder, target)
    except OSError as error:
        raise StorageError(f"the prepared data cannot be written to {folder}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not target.exists():
            for parent in made:
                _remove_if_empty(parent)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _put_in_place(folder: Path, target: Path) -> None:
    """Rename the folder; where another process was first with the same data, theirs stay."""
    try:
        folder.rename(target)
    except OSError:  # the target is there already, and not empty
        if _holds_the_same(target, folder):
            return
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
        target.rename(old / "old")
        folder.rename(target)
        shutil.rmtree(old)


def _holds_the_same(target: Path, folder: Path) -> bool:
    try:
        return DataBundle.open(target).fingerprint == DataBundle.open(folder, verify=False).fingerprint
    except IntegrityError:
        return False


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # another process has put something there meanwhile
        return
