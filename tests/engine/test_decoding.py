"""How long preparation takes, by the first samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasflow.config import DataConfig
from nasflow.data.opening import Found, find_source
from nasflow.data.protocol import Sample, Summary
from nasflow.engine.decoding import preparation_seconds


class Ticking:
    """A source whose samples take a second each, by a clock of its own."""

    def __init__(self, count: int, opening: float = 5.0) -> None:
        self.now, self.count, self.opening = 0.0, count, opening

    def samples(self) -> Iterator[Sample]:
        self.now += self.opening
        for number in range(self.count):
            image = np.zeros((4, 4), np.uint8)
            yield Sample(str(number), 0, image.tobytes(), image)
            self.now += 1.0


class Elsewhere(Ticking):
    """A source that may have to download its samples first."""

    def __init__(self, away: bool) -> None:
        super().__init__(8)
        self.away = away

    def needs_download(self) -> bool:
        return self.away


def seconds(count: int, budget: float, total: int | None = None, source: Any = None) -> tuple[float | None, Any]:
    source = source or Ticking(count)
    summary = Summary(("a", "b"), (total or count, 0), 1, 4, (), "digest")
    return preparation_seconds(Found(source, summary), budget, clock=lambda: source.now), source


def test_a_few_samples_stand_for_all_and_opening_is_paid_once() -> None:
    found, source = seconds(count=1000, budget=15.0)
    assert source.now < 30
    assert found == pytest.approx(5 + 1000, rel=0.15)


def test_a_source_that_is_read_whole_needs_no_guess() -> None:
    found, _ = seconds(count=8, budget=100.0)
    assert found == pytest.approx(5 + 8, abs=1.1)


def test_what_would_be_downloaded_is_not_touched() -> None:
    found, source = seconds(count=8, budget=100.0, source=Elsewhere(away=True))
    assert (found, source.now) == (None, 0.0)
    found, source = seconds(count=8, budget=100.0, source=Elsewhere(away=False))
    assert found == pytest.approx(5 + 8, abs=1.1)


def test_an_empty_source_takes_no_time() -> None:
    found, _ = seconds(count=0, budget=1.0, total=1)
    assert found is not None
    assert 0 <= found < 6


def test_digits_are_quick_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    found = find_source(DataConfig.model_validate({"source": "sklearn:digits"}), tmp_path)
    taken = preparation_seconds(found)
    assert taken is not None
    assert 0 < taken < 60
    assert list(tmp_path.iterdir()) == []
