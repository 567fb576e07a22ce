"""Which arrays of an .npz file are the images and which the labels of each split."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from nasflow.data.protocol import SPLITS, Split
from nasflow.data.sources.layout import split_named
from nasflow.errors import DataError
from nasflow.plugins import nearest

Named = str | dict[Split, str] | None
"""An option that names one array, or one of each split."""

_Kind = Literal["images", "labels"]
_KINDS: dict[str, _Kind] = {
    **dict.fromkeys(("x", "image", "images", "data", "samples"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
}
_HINT = "name the arrays by data.options.images and data.options.labels, each one name or one for train, val and test"


class Pair(NamedTuple):
    """The arrays of one split.

    Attributes:
        images: Name of the array of images.
        labels: Name of the array of labels.
    """

    images: str
    labels: str


def pairs_of(path: str, arrays: Collection[str], images: Named, labels: Named) -> dict[Split | None, Pair]:
    """Return the arrays of each split, in the order of splits; those of the split None are still to be cut.

    Without options the names tell: `x_train` and `y_train` as Keras has them, `train_images` and `train_labels`,
    `images` and `labels`, `x` and `y`, `data` and `target`; in any case of letters.

    Args:
        path: The file, for messages.
        arrays: The names of all arrays.
        images: What `data.options.images` says.
        labels: What `data.options.labels` says.

    Raises:
        DataError: Arrays are missing, or their names say too much.
    """
    if not arrays:
        raise DataError(f"data.source: {path} holds no arrays.")
    guessed = _guessed(path, arrays) if images is None or labels is None else {}
    of_images = _given("images", images, arrays, path) or _part(guessed, "images")
    of_labels = _given("labels", labels, arrays, path) or _part(guessed, "labels")
    if images is None and labels is not None:  # splits that the option leaves out are no data
        of_images = {split: name for split, name in of_images.items() if split in of_labels}
    if labels is None and images is not None:
        of_labels = {split: name for split, name in of_labels.items() if split in of_images}
    _check(path, arrays, of_images, of_labels)
    return {split: Pair(of_images[split], of_labels[split]) for split in (None, *SPLITS) if split in of_images}


def _guessed(path: str, arrays: Collection[str]) -> dict[tuple[_Kind, Split | None], str]:
    found: dict[tuple[_Kind, Split | None], str] = {}
    for name in arrays:
        meaning = _meaning(name)
        if meaning is None:
            continue
        if meaning in found:
            raise DataError(f"data.source: {path} has both '{found[meaning]}' and '{name}'; {_HINT}.")
        found[meaning] = name
    return found


def _meaning(name: str) -> tuple[_Kind, Split | None] | None:
    """Read a name as of images or labels, perhaps with a split before or behind; None where it says nothing."""
    words = re.split(r"[_\-. ]+", name.lower())
    kinds = [_KINDS[word] for word in words if word in _KINDS]
    splits = [split for word in words if (split := split_named(word)) is not None]
    if len(kinds) != 1 or len(splits) > 1 or len(words) != len(kinds) + len(splits):
        return None
    return kinds[0], splits[0] if splits else None


def _part(found: Mapping[tuple[_Kind, Split | None], str], kind: _Kind) -> dict[Split | None, str]:
    return {split: name for (known, split), name in found.items() if known == kind}


def _given(option: _Kind, named: Named, arrays: Collection[str], path: str) -> dict[Split | None, str]:
    if named is None:
        return {}
    by_split: dict[Split | None, str] = {None: named} if isinstance(named, str) else dict(named.items())
    for name in by_split.values():
        if name not in arrays:
            raise DataError(
                f"data.options.{option}: {path} has no array '{name}'; it has {', '.join(arrays)}."
                f"{nearest(name, arrays)}"
            )
    return by_split


def _check(
    path: str, arrays: Collection[str], images: Mapping[Split | None, str], labels: Mapping[Split | None, str]
) -> None:
    there = f"it has {', '.join(arrays)}; {_HINT}."
    if not images:
        raise DataError(f"data.source: {path} has no array named as images are, such as x_train or images; {there}")
    for one, other, kind in ((images, labels, "labels"), (labels, images, "images")):
        for split, name in one.items():
            if split not in other:
                raise DataError(f"data.source: {path} has '{name}' but no {kind} that belong to it; {there}")
    if None in images and len(images) > 1:
        raise DataError(f"data.source: {path} has '{images[None]}' beside arrays of splits; {there}")
    if None not in images and "train" not in images:
        raise DataError(f"data.source: {path} has no training images; {there}")
