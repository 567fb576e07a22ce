"""A sample's split depends on its content alone."""

from __future__ import annotations

import random

import pytest

from nasflow.config import SharesConfig
from nasflow.data import SPLITS, Split
from nasflow.data.splits import Record, assign, content_key, place

USUAL = SharesConfig()
KEYS = [content_key(str(number).encode()) for number in range(20_000)]


def record(row: int, content: str, split: Split | None = None, group: str | None = None, label: int = 0) -> Record:
    return Record(row, f"{row}.png", label, content_key(content.encode()), split, group)


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ((), {"train": 0.70, "val": 0.15, "test": 0.15}),
        (("train",), {"train": 0.70, "val": 0.15, "test": 0.15}),
        (("train", "test"), {"train": 70 / 85, "val": 15 / 85, "test": 0}),
        (("train", "val"), {"train": 70 / 85, "val": 0, "test": 15 / 85}),
        (("train", "val", "test"), {"train": 1, "val": 0, "test": 0}),
    ],
)
def test_shares(given: tuple[Split, ...], shares: dict[Split, float]) -> None:
    """Within five standard deviations, 1.4 % of 20,000 at most; the keys are fixed, so it holds or it does not."""
    placed = [place(key, given, USUAL) for key in KEYS]
    for split in SPLITS:
        assert abs(placed.count(split) / len(KEYS) - shares[split]) < 0.018
        assert (placed.count(split) == 0) == (shares[split] == 0)


def test_the_key_is_fixed() -> None:
    """Another release puts every sample where this one does."""
    assert content_key(b"nasflow") == "979f520a37a18d6d58409184b9c21261"
    assert [place(key, (), USUAL) for key in KEYS[:12]] == [
        "val",
        "test",
        "train",
        "train",
        "train",
        "test",
        "train",
        "train",
        "train",
        "train",
        "train",
        "val",
    ]


def test_the_edges_of_the_shares() -> None:
    """0.70 and 0.85 of the keys' range, to the last bit."""
    last_train, first_val = (7 * 2**64 - 1) // 10, -(-7 * 2**64 // 10)
    assert place(f"{last_train:016x}" + "f" * 16, (), USUAL) == "train"
    assert place(f"{first_val:016x}" + "0" * 16, (), USUAL) == "val"
    assert place("0" * 32, (), USUAL) == "train"
    assert place("f" * 32, (), USUAL) == "test"


def test_shares_of_ones_own_move_only_what_they_must() -> None:
    """Where `test` is given, a smaller `val` is a part of the larger one."""
    for given in ((), ("train", "test")):
        small = {key for key in KEYS if place(key, given, SharesConfig(train=92, val=8)) == "val"}
        usual = {key for key in KEYS if place(key, given, USUAL) == "val"}
        assert (small < usual) == (given != ())
        whole = 100 if given else 115
        assert abs(len(small) / len(KEYS) - 8 / whole) < 0.01


def test_no_sample_moves_as_data_grow() -> None:
    small = [record(row, str(row)) for row in range(300)]
    large = small + [record(row, str(row)) for row in range(300, 900)]
    before, _ = assign(small, (), USUAL)
    after, _ = assign(large, (), USUAL)
    for split in SPLITS:
        assert set(before[split]) <= set(after[split])


def test_order_and_names_change_nothing() -> None:
    records = [record(row, str(row)) for row in range(200)]
    shuffled = random.Random(0).sample(records, len(records))
    assert assign(records, (), USUAL) == assign(shuffled, (), USUAL)


def test_rows_are_a_random_sample() -> None:
    """Samples come by class from the source; the first of a split are of all classes all the same."""
    records = [record(row, str(row), label=row // 100) for row in range(1000)]
    first = assign(records, (), USUAL)[0]["train"][:100]
    assert len({one.label for one in first}) == 10


def test_given_splits_stand() -> None:
    splits: list[Split] = ["train", "val", "test"]
    records = [record(row, str(row), split=splits[row % 3]) for row in range(90)]
    placed, dropped = assign(records, SPLITS, USUAL)
    assert {split: len(placed[split]) for split in SPLITS} == {"train": 30, "val": 30, "test": 30}
    assert all(one.split == split for split in SPLITS for one in placed[split])
    assert dropped == {"train": 0, "val": 0}


def test_val_is_cut_from_train_where_only_test_is_given() -> None:
    records = [record(row, str(row), split="test" if row % 5 == 0 else "train") for row in range(1000)]
    placed, _ = assign(records, ("train", "test"), USUAL)
    assert len(placed["test"]) == 200
    assert 90 < len(placed["val"]) < 190
    assert all(one.split == "train" for one in placed["val"])


def test_groups_stay_together() -> None:
    records = [record(row, str(row), group=f"patient {row // 10}") for row in range(1000)]
    placed, _ = assign(records, (), USUAL)
    groups = [{one.group for one in placed[split]} for split in SPLITS]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert all(groups)


def test_what_is_also_in_a_later_split_is_dropped_and_counted() -> None:
    records = [
        record(0, "everywhere", "train"),
        record(1, "everywhere", "val"),
        record(2, "everywhere", "test"),
        record(3, "in train and val", "train"),
        record(4, "in train and val", "val"),
        record(5, "twice in train", "train"),
        record(6, "twice in train", "train"),
    ]
    placed, dropped = assign(records, SPLITS, USUAL)
    assert sorted(one.row for one in placed["train"]) == [5, 6]
    assert [one.row for one in placed["val"]] == [4]
    assert [one.row for one in placed["test"]] == [2]
    assert dropped == {"train": 2, "val": 1}


def test_copies_share_a_split_whatever_their_labels() -> None:
    records = [record(row, str(row // 2), label=row % 2) for row in range(400)]
    placed, dropped = assign(records, (), USUAL)
    assert sum(map(len, placed.values())) == 400
    assert not any(dropped.values())
