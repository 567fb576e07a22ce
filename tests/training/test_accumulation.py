from __future__ import annotations

import pytest

from nasflow.training.accumulation import MOST_PARTS, SMALLEST_PART, more_parts, tried


@pytest.mark.parametrize(
    ("parts", "batch_size", "more"),
    [(1, 128, 2), (2, 128, 4), (4, 128, 8), (8, 128, None), (1, 16, 2), (2, 16, None), (1, 15, None), (4, 8192, 8)],
)
def test_parts_double_until_they_are_too_many_or_too_small(parts: int, batch_size: int, more: int | None) -> None:
    assert more_parts(parts, batch_size) == more


@pytest.mark.parametrize("batch_size", [2, 7, 33, 100, 8192])
def test_no_part_is_too_small(batch_size: int) -> None:
    parts: int | None = 1
    while parts is not None:
        assert parts == 1 or batch_size // parts >= SMALLEST_PART
        assert parts <= MOST_PARTS
        parts = more_parts(parts, batch_size)


def test_the_cause_says_what_was_tried() -> None:
    assert tried("it was too large", 1, 128) == "it was too large"
    assert tried("it was too large", 4, 128) == (
        "it was too large; batches of 128 were cut into up to 4 parts, of 32 samples"
    )
