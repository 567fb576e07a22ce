"""Numbers, times and curves."""

from __future__ import annotations

import math

import pytest

from nasflow.cli import text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("val_accuracy", 0.98765, "98.77 %"),
        ("val_macro_f1", 1.0, "100.00 %"),
        ("val_loss", 0.012345, "0.01235"),
        ("parameters", 77754, "77.8 k"),
        ("latency", 0.026712, "0.02671 ms"),
        ("flops", 1_204_000.0, "1.20 M"),
        ("train_seconds", 75.0, "1 min 15 s"),
        ("val_accuracy", None, "–"),
        ("val_loss", math.nan, "–"),
    ],
)
def test_metric(name: str, value: float | None, shown: str) -> None:
    assert text.metric(name, value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (950, "950"), (1000, "1.00 k"), (15_625, "15.6 k"), (123_456, "123 k"), (2.5e9, "2.50 G")],
)
def test_short(value: float, shown: str) -> None:
    assert text.short(value) == shown


@pytest.mark.parametrize(
    ("number", "noun", "shown"),
    [
        (1, "trial", "1 trial"),
        (0, "trial", "0 trials"),
        (1024, "trial", "1,024 trials"),
        (2, "epoch", "2 epochs"),
        (3, "entry", "3 entries"),
        (2, "class", "2 classes"),
    ],
)
def test_count(number: int, noun: str, shown: str) -> None:
    assert text.count(number, noun) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(15_625, "15,625"), (312_000_000_000_000, "about 3.1e+14"), (10**400, "over 1e+300")],
)
def test_huge(number: int, shown: str) -> None:
    assert text.huge(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (math.inf, "–"),
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599.7, "1 h"),
        (7500, "2 h 5 min"),
        (86400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_duration(seconds: float | None, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "just now"), (59, "just now"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_ago(seconds: float, shown: str) -> None:
    assert text.ago(seconds) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 B"), (999, "999 B"), (3_400_000, "3.4 MB"), (5e12, "5.0 TB")])
def test_size(number: int, shown: str) -> None:
    assert text.size(int(number)) == shown


def test_sparkline_spans_low_to_high() -> None:
    assert text.sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert text.sparkline([1, math.nan, 2]) == "▁ █"
    assert text.sparkline([3, 3, 3]) == "▁▁▁"
    assert text.sparkline([]) == ""
    assert text.sparkline([math.nan, math.inf]) == ""


def test_sparkline_keeps_first_and_last_when_thinned_out() -> None:
    line = text.sparkline([5.0, *range(998), -4.0], 20)
    assert len(line) == 20
    assert line[-1] == "▁"
    assert line[-2] == "█"


def test_clipped() -> None:
    assert text.clipped("short", 5) == "short"
    assert text.clipped("longer", 5) == "long…"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "1 s"),
        (4.4, "4 s"),
        (12.4, "10 s"),
        (58.0, "1 min"),
        (100.0, "1 min 30 s"),
        (1490.0, "25 min"),
        (3720.0, "1 h"),
        (12_000.0, "3 h 20 min"),
        (100_000.0, "28 h"),
    ],
)
def test_times_that_are_not_known_exactly(seconds: float, shown: str) -> None:
    assert text.rounded(seconds) == shown
