"""That no test sample was in the training of either network, known by the hash of its content."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasflow.data.bundle import DataBundle
from nasflow.data.splits import content_key, place
from nasflow.delivery.champion import IncomparableError
from nasflow.delivery.refresh.samples import DATA_TAG, check_hashed, check_unseen, keep_samples, samples_key
from nasflow.errors import IntegrityError
from nasflow.storage import Store, open_store

KEYS = [content_key(bytes([number])) for number in range(200)]
BY_SPLIT = {split: [key for key in KEYS if place(key, ()) == split] for split in ("train", "val", "test")}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def bundle(root: Path, splits: dict[str, list[str]], fingerprint: str, given: Any = ()) -> DataBundle:
    root.mkdir(parents=True, exist_ok=True)
    for split, keys in splits.items():
        (root / f"{split}_samples.json").write_text(json.dumps({"names": keys, "keys": keys}))
    blank: dict[str, Any] = dict.fromkeys(("classes", "mean", "std"), ())
    made = DataBundle(
        root=root, channels=1, size=8, counts={}, class_counts={}, meta={}, fingerprint=fingerprint,
        skipped={}, dropped={}, **blank,
    )  # fmt: skip
    return replace(made, given=given)


@pytest.fixture
def old(tmp_path: Path, store: Store) -> DataBundle:
    """What the champion was trained on: the first half."""
    half = {split: [key for key in keys if key in KEYS[:100]] for split, keys in BY_SPLIT.items()}
    made = bundle(tmp_path / "old", half, "old")
    keep_samples(store, made)
    return made


def test_splits_by_hash_keep_them_apart_as_data_grow(tmp_path: Path, store: Store, old: DataBundle) -> None:
    check_unseen(store, bundle(tmp_path / "new", BY_SPLIT, "new"), {DATA_TAG: old.fingerprint})


def test_a_sample_that_the_champion_has_seen_is_noticed(tmp_path: Path, store: Store, old: DataBundle) -> None:
    for split in ("train", "val"):
        seen = old.keys(split)[:3]  # type: ignore[arg-type]
        moved = {"train": [], "val": [], "test": [*BY_SPLIT["test"], *seen]}
        words = rf"it was trained or chosen on 3 of the {len(moved['test'])} test samples"
        with pytest.raises(IncomparableError, match=words):
            check_unseen(store, bundle(tmp_path / split, moved, "new"), {DATA_TAG: "old"})


def test_one_that_the_new_network_has_seen_is_too(tmp_path: Path, store: Store, old: DataBundle) -> None:
    both = BY_SPLIT | {"train": [*BY_SPLIT["train"], BY_SPLIT["test"][0]]}
    with pytest.raises(IncomparableError, match=r"the new network was trained or chosen on 1 of the"):
        check_unseen(store, bundle(tmp_path / "new", both, "new"), {DATA_TAG: "old"})


@pytest.mark.parametrize("tags", [{}, {DATA_TAG: "neverkept"}, {DATA_TAG: "../of another"}])
def test_what_nobody_knows_is_not_taken_for_granted(
    tmp_path: Path, store: Store, old: DataBundle, tags: dict[str, str]
) -> None:
    with pytest.raises(IncomparableError, match="does not know which samples it was trained on"):
        check_unseen(store, bundle(tmp_path / "new", BY_SPLIT, "new"), tags)


def test_a_test_split_of_the_source_is_refused_in_one_sentence(tmp_path: Path, store: Store, old: DataBundle) -> None:
    given = bundle(tmp_path / "new", BY_SPLIT, "new", ("train", "test"))
    with pytest.raises(IncomparableError, match=r"^the data bring a test split of their own, and only one that is cut"):
        check_unseen(store, given, {DATA_TAG: "old"})
    check_hashed(bundle(tmp_path / "val", BY_SPLIT, "new", ("val",)))


def test_they_are_kept_once_in_sixteen_bytes_each(store: Store, old: DataBundle) -> None:
    content = store.get(samples_key("old")) or b""
    assert len(content) == 32 + 16 * (len(old.keys("train")) + len(old.keys("val")))
    keep_samples(store, old)
    assert store.get(samples_key("old")) == content


def test_what_was_altered_is_named(tmp_path: Path, store: Store, old: DataBundle) -> None:
    content = store.get(samples_key("old")) or b""
    store.put(samples_key("old"), content[:-16])
    with pytest.raises(IntegrityError, match=r"samples/old\.bin' were cut or altered"):
        check_unseen(store, bundle(tmp_path / "new", BY_SPLIT, "new"), {DATA_TAG: "old"})
