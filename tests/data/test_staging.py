"""Samples are decoded in order, with little in memory, and broken ones are named."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasflow.data.protocol import Sample
from nasflow.data.splits import content_key
from nasflow.data.staging import stage
from nasflow.errors import DataError


def arrays(count: int) -> list[Sample]:
    images = [np.full((8, 8), number % 256, np.uint8) for number in range(count)]
    return [Sample(str(number), number % 2, image.tobytes(), image) for number, image in enumerate(images)]


def broken(count: int) -> list[Sample]:
    return [Sample(f"bad {number}", 0, b"bad", b"bad") for number in range(count)]


def test_rows_are_in_the_order_of_the_samples(tmp_path: Path) -> None:
    samples = arrays(1000)
    staged = stage(samples, tmp_path / "raw", (8, 1), 0, lambda seen: None)
    rows = np.fromfile(tmp_path / "raw", np.uint8).reshape(1000, 64)
    assert (rows == (np.arange(1000) % 256)[:, None]).all()
    assert [record.name for record in staged.records] == [str(number) for number in range(1000)]
    assert [record.row for record in staged.records] == list(range(1000))
    assert staged.records[3].key == content_key(samples[3].content)


def test_broken_samples_leave_no_row(tmp_path: Path) -> None:
    good = arrays(10)
    staged = stage([*good[:5], *broken(2), *good[5:]], tmp_path / "raw", (8, 1), 2, lambda seen: None)
    assert [record.row for record in staged.records] == list(range(10))
    assert (tmp_path / "raw").stat().st_size == 640
    assert list(staged.skipped) == ["bad 0", "bad 1"]
    assert "no image in a known format" in staged.skipped["bad 0"]


def test_too_many_broken_samples_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        stage([*arrays(3), *broken(5)], tmp_path / "raw", (8, 1), 4, lambda seen: None)
    message = str(caught.value)
    assert message.startswith("more than 4 images cannot be read, the limit that data.max_broken sets (bad 0: it is no")
    assert "bad 2" in message
    assert "bad 3" not in message
    assert message.endswith("repair or remove them, or raise data.max_broken.")


def test_reading_stops_soon_after_the_limit(tmp_path: Path) -> None:
    asked = 0

    def endless() -> Iterator[Sample]:
        nonlocal asked
        while asked < 100_000:
            asked += 1
            yield from broken(1)

    with pytest.raises(DataError):
        stage(endless(), tmp_path / "raw", (8, 1), 0, lambda seen: None)
    assert asked < 10_000


def test_progress_ends_with_all(tmp_path: Path) -> None:
    told: list[int] = []
    stage(arrays(700), tmp_path / "raw", (8, 1), 0, told.append)
    assert told == sorted(told)
    assert told[-1] == 700


def test_an_error_of_the_source_is_passed_on(tmp_path: Path) -> None:
    def failing() -> Iterator[Sample]:
        yield from arrays(300)
        raise DataError("gone")

    with pytest.raises(DataError, match="gone"):
        stage(failing(), tmp_path / "raw", (8, 1), 0, lambda seen: None)


def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    """100 files of 3 MB, 300 MB in all, pass through less than half of that."""
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    one = buffer.getvalue()

    def samples() -> Iterator[Sample]:
        for number in range(100):
            content = one[:-4] + number.to_bytes(4, "little")
            yield Sample(str(number), 0, content, content)

    tracemalloc.start()
    try:
        stage(samples(), tmp_path / "raw", (8, 3), 0, lambda seen: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150e6
