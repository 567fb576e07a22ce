"""Checksums are compared once, and again when a file has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.config import DataConfig
from nasflow.data import DataBundle, bundle
from nasflow.data.prepare import prepare
from nasflow.data.verified import VERIFIED, open_verified, remember_verified
from nasflow.errors import IntegrityError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return prepare(DataConfig(source="sklearn:digits"), tmp_path, tmp_path / "b").root


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose checksums are taken."""
    names: list[str] = []
    real = bundle.checksum
    monkeypatch.setattr(bundle, "checksum", lambda path: (names.append(path.name), real(path))[1])
    return names


def test_the_second_time_nothing_is_read(root: Path, read: list[str]) -> None:
    first = open_verified(root)
    assert "train_images.npy" in read
    read.clear()
    assert open_verified(root) == first == DataBundle.open(root)
    assert open_verified(root).fingerprint == first.fingerprint


def test_what_was_just_written_need_not_be_read(root: Path, read: list[str]) -> None:
    remember_verified(root)
    open_verified(root)
    assert read == []


def test_a_touched_file_is_read_again(root: Path, read: list[str]) -> None:
    remember_verified(root)
    content = (root / "val_images.npy").read_bytes()
    (root / "val_images.npy").write_bytes(content)
    open_verified(root)
    assert "val_images.npy" in read


@pytest.mark.parametrize("name", ["train_images.npy", "bundle.json", "test_samples.json"])
def test_an_altered_file_is_found(root: Path, name: str) -> None:
    remember_verified(root)
    content = bytearray((root / name).read_bytes())
    content[-2] ^= 1
    (root / name).unlink()
    (root / name).write_bytes(content)
    for _ in range(2):
        with pytest.raises(IntegrityError):
            open_verified(root)


def test_a_missing_file_is_found(root: Path) -> None:
    remember_verified(root)
    (root / "train_targets.npy").unlink()
    with pytest.raises(IntegrityError, match=r"train_targets\.npy is missing"):
        open_verified(root)


@pytest.mark.parametrize("note", ["", "null", "[1]", "{"])
def test_a_damaged_note_is_none(root: Path, read: list[str], note: str) -> None:
    (root / VERIFIED).write_text(note)
    open_verified(root)
    assert read
    read.clear()
    open_verified(root)
    assert read == []


def test_where_no_note_can_be_written_it_is_read_each_time(root: Path, read: list[str]) -> None:
    (root / VERIFIED).mkdir()
    (root / VERIFIED / "x").touch()
    for _ in range(2):
        read.clear()
        open_verified(root)
        assert read
    assert not list(root.glob(".*")), "nothing half made is left"
