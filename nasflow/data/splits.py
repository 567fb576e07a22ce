"""Cutting data into splits by the hash of each sample's content, so that a sample stays where it is as data grow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nasflow.config import SharesConfig
from nasflow.data.protocol import SPLITS, Split

_KEY = b"nasflow split 1"
"""The fixed key: another one would move every sample of every user to another split."""

_USUAL = SharesConfig()


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a sample while the data are prepared, besides its pixels.

    Attributes:
        row: Place of its pixels in the staging file.
        name: Where it came from.
        label: Place of its class.
        key: Hash of its content.
        split: The split that the source put it in, or None.
        group: Samples of one group share a split.
    """

    row: int
    name: str
    label: int
    key: str
    split: Split | None
    group: str | None


def content_key(content: bytes | bytearray | memoryview) -> str:
    """Return the keyed BLAKE2b hash (128 bits, hexadecimal) of a sample's content."""
    return hashlib.blake2b(content, digest_size=16, key=_KEY).hexdigest()


def place(key: str, given: Iterable[Split], shares: SharesConfig = _USUAL) -> Split:
    """Return the split of a sample that no split was given, or that is in a given `train`.

    The key is read as a fraction in [0, 1). Each missing split takes its share of it, `test` from the top and `val`
    below, in proportion to the shares of all that is cut: of 70, 15 and 15 with `test` given, `val` is the upper 15/85.

    Args:
        key: What `content_key` gave for the content, or for the name of the sample's group.
        given: The splits that the source gives.
        shares: The share of each split.
    """
    cut: list[Split] = [split for split in ("test", "val") if split not in given]
    share: dict[Split, int] = {"train": shares.train, "val": shares.val, "test": shares.test}
    whole = share["train"] + sum(share[split] for split in cut)
    place_in_whole = int(key[:16], 16) * whole
    top = whole << 64
    for split in cut:
        top -= share[split] << 64
        if place_in_whole >= top:
            return split
    return "train"


def assign(
    records: Sequence[Record], given: Sequence[Split], shares: SharesConfig
) -> tuple[dict[Split, list[Record]], dict[Split, int]]:
    """Put every sample into its split, and leave out of `train` and `val` what is also in a later one.

    Args:
        records: All samples.
        given: The splits that the source gives.
        shares: The share of each split that it does not give.

    Returns:
        The samples of each split, ordered by the hash of their content, and how many were left out of each.
    """
    splits: dict[Split, list[Record]] = {split: [] for split in SPLITS}
    for record in sorted(records, key=lambda record: (record.key, record.label, record.name)):
        split = record.split
        if split is None or split == "train":
            split = place(record.key if record.group is None else content_key(record.group.encode()), given, shares)
        splits[split].append(record)
    dropped: dict[Split, int] = {}
    later: set[str] = set()
    for split in reversed(SPLITS):
        kept = [record for record in splits[split] if record.key not in later]
        if split != "test":
            dropped[split] = len(splits[split]) - len(kept)
        splits[split] = kept
        later.update(record.key for record in kept)
    return splits, dropped
