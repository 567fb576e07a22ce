"""How long the preparation of data takes, by reading the first of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from nasflow.data.opening import Found
from nasflow.data.protocol import Sample, needs_download
from nasflow.data.staging import stage

_LOOK_SECONDS = 2.0
_BYTES_A_SECOND = 1.2e8
"""Pixels that are sorted into their splits, described and checksummed in a second."""


def preparation_seconds(
    found: Found, seconds: float = _LOOK_SECONDS, clock: Callable[[], float] = time.perf_counter
) -> float | None:
    """Return about how long preparing all the data takes, or None where they would be downloaded; nothing is kept.

    Args:
        found: The source, and what it holds.
        seconds: How long to read at most.
        clock: Seconds.

    Raises:
        DataError: The data cannot be read.
    """
    if needs_download(found.source):
        return None
    began = clock()
    read: list[float] = []

    def some() -> Iterator[Sample]:
        for sample in found.source.samples():
            read.append(clock())
            yield sample
            if clock() - began > seconds:
                return

    summary = found.summary
    total = sum(summary.counts)
    with TemporaryDirectory(prefix="nasflow-look-") as folder:
        stage(some(), Path(folder, "staging"), (summary.size, summary.channels), total, lambda count: None)
    opening = read[0] - began if read else 0.0
    reading = (clock() - began - opening) * max(1.0, total / max(1, len(read)))
    return opening + reading + total * summary.size**2 * summary.channels / _BYTES_A_SECOND
