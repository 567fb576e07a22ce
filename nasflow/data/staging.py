"""Decoding samples, several at once and few in memory, into one growing file."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasflow.data.protocol import Sample
from nasflow.data.splits import Record, content_key
from nasflow.errors import DataError
from nasflow.serving.pixels import decode, fit

_CHUNK_SAMPLES = 128
_CHUNK_BYTES = 8 << 20
_MOST_THREADS = 8


@dataclass
class Staged:
    """What was decoded.

    Attributes:
        records: The readable samples, in the order of the source; row i of the staging file belongs to the i-th.
        skipped: The others by name, with the reason.
    """

    records: list[Record] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


Decoded = tuple[Sample, str, NDArray[np.uint8] | str]


def stage(
    samples: Iterable[Sample],
    target: Path,
    form: tuple[int, int],
    max_broken: int,
    on_sample: Callable[[int], None],
) -> Staged:
    """Write every readable sample, at one size, one after the other into a file of raw bytes.

    Args:
        samples: What to read; at most some tens of megabytes of it are in memory at once.
        target: The file to write.
        form: Height and width in pixels, and channels, 1 or 3.
        max_broken: How many unreadable samples are skipped.
        on_sample: Told how many samples have been seen.

    Raises:
        DataError: More samples than that are unreadable.
    """
    staged = Staged()
    seen = 0
    with target.open("wb") as file:
        for chunk in _decoded(samples, *form):
            for sample, key, pixels in chunk:
                if isinstance(pixels, str):
                    staged.skipped[sample.name] = pixels
                    continue
                row = len(staged.records)
                staged.records.append(Record(row, sample.name, sample.label, key, sample.split, sample.group))
                file.write(np.ascontiguousarray(pixels).data)
            seen += len(chunk)
            _check_broken(staged.skipped, max_broken)
            on_sample(seen)
    return staged


def _check_broken(skipped: dict[str, str], most: int) -> None:
    if len(skipped) <= most:
        return
    first = "; ".join(f"{name}: {reason}" for name, reason in list(skipped.items())[:3])
    raise DataError(
        f"more than {most} images cannot be read, the limit that data.max_broken sets ({first}): "
        "repair or remove them, or raise data.max_broken."
    )


def _decoded(samples: Iterable[Sample], size: int, channels: int) -> Iterator[list[Decoded]]:
    """Decode chunks in threads (Pillow lets others run while it decodes) and yield them in order."""
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    waiting: deque[Future[list[Decoded]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for chunk in _chunks(samples):
                waiting.append(pool.submit(_decode_chunk, chunk, size, channels))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _chunks(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    chunk: list[Sample] = []
    weight = 0
    for sample in samples:
        chunk.append(sample)
        weight += len(sample.content)
        if len(chunk) >= _CHUNK_SAMPLES or weight >= _CHUNK_BYTES:
            yield chunk
            chunk, weight = [], 0
    if chunk:
        yield chunk


def _decode_chunk(chunk: list[Sample], size: int, channels: int) -> list[Decoded]:
    return [(sample, content_key(sample.content), _decode(sample, size, channels)) for sample in chunk]


def _decode(sample: Sample, size: int, channels: int) -> NDArray[np.uint8] | str:
    try:
        return fit(decode(sample.image), size, channels)
    except ValueError as error:
        return str(error)
