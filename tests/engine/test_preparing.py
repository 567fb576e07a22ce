"""Prepared data: made once, found again, never used when altered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nasflow.config import DataConfig
from nasflow.data.opening import find_source, inspect_source
from nasflow.engine.preparing import bundle_folder, copied, prepared
from nasflow.errors import DataError
from nasflow.storage import Store, open_store

DIGITS = DataConfig(source="sklearn:digits")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def pictures(folder: Path, shades: int = 12) -> DataConfig:
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for shade in range(shades):
            pixels = np.full((16, 16, 3), 10 * shade + len(name), np.uint8)
            pixels[:4, :4] = 200 if name == "cat" else 90
            Image.fromarray(pixels).save(folder / name / f"{shade}.png")
    return DataConfig(source=str(folder))


def test_the_second_time_it_is_found(store: Store, tmp_path: Path) -> None:
    calls: list[Any] = []
    first = prepared(DIGITS, tmp_path, store, lambda *args: calls.append(args))
    assert calls
    calls.clear()
    second = prepared(DIGITS, tmp_path, store, lambda *args: calls.append(args))
    assert calls == []
    assert (second.root, second.fingerprint) == (first.root, first.fingerprint)


def test_what_was_found_at_the_door_is_not_looked_for_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = pictures(tmp_path / "photos")
    found = find_source(config, tmp_path)
    monkeypatch.setattr("nasflow.engine.preparing.find_source", None)
    first = prepared(config, tmp_path, store, found=found)
    monkeypatch.setattr("nasflow.data.bundle.checksum", None)  # what was written a moment ago is not compared
    assert prepared(config, tmp_path, store, found=found).fingerprint == first.fingerprint


@pytest.mark.parametrize("how", ["altered", "cut", "removed"])
def test_altered_data_are_made_again(store: Store, tmp_path: Path, how: str) -> None:
    first = prepared(DIGITS, tmp_path, store)
    victim = max(first.root.rglob("*.npy"), key=lambda path: path.stat().st_size)
    content = victim.read_bytes()
    if how == "removed":
        victim.unlink()
    else:
        victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if how == "altered" else content[:100])
    second = prepared(DIGITS, tmp_path, store)
    assert second.fingerprint == first.fingerprint
    assert victim.read_bytes() == content


def test_another_picture_makes_other_data(store: Store, tmp_path: Path) -> None:
    config = pictures(tmp_path / "photos")
    first = prepared(config, tmp_path, store)
    Image.fromarray(np.full((16, 16, 3), 77, np.uint8)).save(tmp_path / "photos" / "dog" / "new.png")
    second = prepared(config, tmp_path, store)
    assert second.root != first.root
    assert second.fingerprint != first.fingerprint
    assert first.root.exists()


def test_the_folder_follows_the_data_section(store: Store, tmp_path: Path) -> None:
    config = pictures(tmp_path / "photos")
    summary = inspect_source(config, tmp_path)
    same = bundle_folder(config, tmp_path, store, summary)
    assert same == bundle_folder(config, tmp_path, store, summary)
    assert same.is_relative_to(store.local_folder())
    other = config.model_copy(update={"max_broken": 3})
    assert bundle_folder(other, tmp_path, store, summary) != same


def test_data_that_cannot_be_learned_from_leave_nothing(tmp_path: Path) -> None:
    config = pictures(tmp_path / "photos", shades=12)
    for path in (tmp_path / "photos" / "dog").iterdir():
        path.write_bytes(b"\x89PNG, but not really")
    with pytest.raises(DataError):
        prepared(config.model_copy(update={"max_broken": 2}), tmp_path, open_store(str(tmp_path / "store")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_a_copy_shares_the_files_and_is_whole(store: Store, tmp_path: Path) -> None:
    bundle = prepared(DIGITS, tmp_path, store)
    target = tmp_path / "copy"
    for _ in range(2):  # a step that starts again finds the folder
        again = copied(bundle, target)
        assert again.fingerprint == bundle.fingerprint
        assert np.array_equal(again.images("test"), bundle.images("test"))
    names = {path.relative_to(bundle.root) for path in bundle.root.rglob("*")}
    assert {path.relative_to(target) for path in target.rglob("*")} == names


def test_where_there_are_no_hard_links_it_copies(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, other: Path) -> None:
        raise OSError("another file system")

    bundle = prepared(DIGITS, tmp_path, store)
    monkeypatch.setattr(Path, "hardlink_to", refused)
    assert copied(bundle, tmp_path / "copy").fingerprint == bundle.fingerprint
