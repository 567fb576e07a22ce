"""Refusing data that nothing can be learned from."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from nasflow.data.protocol import SPLITS, Split, Summary
from nasflow.errors import DataError

_FEWEST_TO_TRAIN = 2
_ENOUGH = 30
"""Samples of a class at which chance leaves its validation or test part empty less than once in sixty classes:
2 × 0.85³⁰ = 0.015."""


def check_classes(counts: Mapping[str, int], fewest: int) -> None:
    """Refuse data with fewer than two classes, or a class with too few samples.

    Args:
        counts: Samples of each class by its name.
        fewest: Fewest samples that a class may have.

    Raises:
        DataError: There is one class or none, or a class is too small.
    """
    if len(counts) < 2:
        only = f" only '{next(iter(counts))}'" if counts else " none"
        raise DataError(f"the data need at least two classes to tell apart; there is{only}.")
    small = [f"'{name}' has {count}" for name, count in counts.items() if count < fewest]
    if small:
        raise DataError(
            f"every class needs at least {fewest} images (data.min_per_class); {listed(small)}: "
            "add images, remove the class, or lower data.min_per_class."
        )


def small_classes_note(summary: Summary) -> str | None:
    """Return a sentence on how likely preparation is to refuse the data, since a split may get no image of a class.

    A sample's split comes from its content, so how a small class falls is known only once its files are read. A class
    of n images lacks val or test with the probability 2 × 0.85ⁿ - 0.7ⁿ.

    Args:
        summary: What the source holds.

    Returns:
        The sentence, or None where the source gives its splits or every class has enough.
    """
    small = {name: n for name, n in zip(summary.classes, summary.counts, strict=True) if n < _ENOUGH}
    if not small or set(summary.splits) - {"train"}:
        return None
    passing = math.prod(1 - (2 * 0.85**count - 0.7**count) for count in small.values())
    named = listed([f"'{name}' has {count}" for name, count in small.items()])
    return (
        f"Few images of a class ({named}): with a probability of {1 - passing:.0%} the cut leaves a class without an "
        f"image in val or test, and preparation refuses the data. About {_ENOUGH} of a class are enough; or give the "
        f"splits as folders train, val and test."
    )


def check_splits(
    classes: Sequence[str],
    counts: Mapping[Split, Sequence[int]],
    given: Sequence[Split],
    dropped: Mapping[Split, int] | None = None,
) -> None:
    """Refuse splits that lack a class.

    Args:
        classes: Names of the classes.
        counts: For each split, the samples of each class.
        given: The splits that the source gave.
        dropped: For each split, the samples left out because a later split has the same content.

    Raises:
        DataError: A class has no sample in a split, or fewer than two to train on.
    """
    for split in SPLITS:
        fewest = _FEWEST_TO_TRAIN if split == "train" else 1
        lacking = [name for name, count in zip(classes, counts[split], strict=True) if count < fewest]
        if not lacking:
            continue
        names = listed([f"'{name}'" for name in lacking])
        if split in given:
            twice = (dropped or {}).get(split, 0)
            cause = f"; {twice} of its images are also in a later split and were left out" if twice else ""
            raise DataError(
                f"the {split} split has too few usable images of {names}: each class needs {fewest}{cause}."
            )
        raise DataError(
            f"cutting the data left too few images of {names} in the {split} split (each class needs {fewest}): "
            f"add images, about {_ENOUGH} of a class are enough, or give the splits as folders train, val and test."
        )


def check_free_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        folder: An existing folder on the disk.
        needed: Bytes that will be written.

    Raises:
        DataError: There is less room.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"preparing the data takes {gigabytes(needed)} on the disk of {folder}, where {gigabytes(free)} are free: "
            "make room, set storage.url to another disk, or lower data.size."
        )


def gigabytes(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def listed(items: Sequence[str], most: int = 3) -> str:
    """Join the first few items for a message, saying how many more there are."""
    rest = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + rest
