"""Data that nothing can be learned from are refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.config import SharesConfig
from nasflow.data.checks import check_classes, check_free_space, check_splits, gigabytes, listed, small_classes_note
from nasflow.data.protocol import Split, Summary
from nasflow.data.splits import content_key, place
from nasflow.errors import DataError


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "at least two classes to tell apart; there is none."),
        ({"cat": 50}, "at least two classes to tell apart; there is only 'cat'."),
        ({"cat": 50, "dog": 9}, "at least 10 images (data.min_per_class); 'dog' has 9: add images"),
        ({"a": 1, "b": 2, "c": 3, "d": 4, "e": 50}, "'a' has 1, 'b' has 2, 'c' has 3 and 1 more: add"),
    ],
)
def test_classes(counts: dict[str, int], message: str) -> None:
    with pytest.raises(DataError) as caught:
        check_classes(counts, 10)
    assert message in str(caught.value)


def test_enough_classes_pass() -> None:
    check_classes({"cat": 10, "dog": 11}, 10)


@pytest.mark.parametrize(
    ("split", "count", "given", "message"),
    [
        ("val", 0, (), "cutting the data left too few images of 'dog' in the val split (each class needs 1)"),
        ("test", 0, ("train",), "cutting the data left too few images of 'dog' in the test split"),
        ("train", 1, (), "of 'dog' in the train split (each class needs 2)"),
        ("test", 0, ("train", "test"), "the test split has too few usable images of 'dog': each class needs 1."),
    ],
)
def test_splits(split: str, count: int, given: tuple[str, ...], message: str) -> None:
    counts = {"train": [20, 20], "val": [5, 5], "test": [5, 5]}
    counts[split] = [5, count]
    with pytest.raises(DataError) as caught:
        check_splits(("cat", "dog"), counts, given)
    assert message in str(caught.value)


def test_smallest_legal_splits_pass() -> None:
    check_splits(("cat", "dog"), {"train": [2, 2], "val": [1, 1], "test": [1, 1]}, ())


def test_no_room(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"takes 1000000000\.0 GB on the disk of .* make room, set storage\.url"):
        check_free_space(tmp_path, 10**18)


def test_room(tmp_path: Path) -> None:
    check_free_space(tmp_path, 1)


@pytest.mark.parametrize(("count", "text"), [(1_500_000, "1.5 MB"), (250_000_000, "0.2 GB"), (3_210_000_000, "3.2 GB")])
def test_sizes_are_readable(count: int, text: str) -> None:
    assert gigabytes(count) == text


def test_lists_are_short() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d", "e"], most=2) == "a, b and 3 more"


def summary(*counts: int, splits: tuple[Split, ...] = ()) -> Summary:
    return Summary(tuple("abcdef"[: len(counts)]), counts, 3, 32, splits, "")


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (summary(10, 500), "('a' has 10): with a probability of 37% the cut leaves a class without an image in val or"),
        (summary(500, 29, 500), "('b' has 29): with a probability of 2% "),
        (summary(10, 10), "with a probability of 60% "),
        (summary(10, 500, splits=("train",)), "with a probability of 37% "),
    ],
)
def test_small_classes_are_told_of(held: Summary, words: str) -> None:
    assert words in (small_classes_note(held) or "")


@pytest.mark.parametrize("held", [summary(30, 500), summary(10, 500, splits=("train", "test"))])
def test_enough_or_given_is_no_word(held: Summary) -> None:
    assert small_classes_note(held) is None


def test_the_probability_is_that_of_the_cut() -> None:
    """2,000 classes of 10 made-up samples each: 37 % lack val or test, give or take four standard errors (1.1 %)."""
    lacking = 0
    for number in range(2000):
        splits = {place(content_key(f"{number} {sample}".encode()), (), SharesConfig()) for sample in range(10)}
        lacking += not {"val", "test"} <= splits
    assert lacking / 2000 == pytest.approx(2 * 0.85**10 - 0.7**10, abs=4.4e-2)
