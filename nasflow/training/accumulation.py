"""Batches cut into parts whose gradients add up, for networks that need more memory than there is."""

from __future__ import annotations

MOST_PARTS = 8
SMALLEST_PART = 8
"""Samples: batch normalisation over fewer is of little use (Wu and He, 2018)."""


def more_parts(parts: int, batch_size: int) -> int | None:
    """Return into how many parts a batch is cut after it did not fit in memory: twice as many, or None for no more.

    Args:
        parts: Its parts so far.
        batch_size: Samples of the batch.
    """
    doubled = 2 * parts
    return doubled if doubled <= MOST_PARTS and batch_size // doubled >= SMALLEST_PART else None


def tried(cause: str, parts: int, batch_size: int) -> str:
    """Return the cause of a failure, with the parts that were tried where there were several."""
    if parts == 1:
        return cause
    return f"{cause}; batches of {batch_size} were cut into up to {parts} parts, of {batch_size // parts} samples"
