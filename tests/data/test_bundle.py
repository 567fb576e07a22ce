"""A prepared folder opens only whole and unaltered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nasflow.config import DataConfig
from nasflow.data import SPLITS, DataBundle
from nasflow.data.bundle import images_file, samples_file, targets_file
from nasflow.data.prepare import prepare
from nasflow.errors import IntegrityError


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
    folder = tmp_path_factory.mktemp("digits")
    return prepare(DataConfig(source="sklearn:digits"), folder, folder / "bundle")


@pytest.fixture
def copy(prepared: DataBundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared.root, tmp_path / "bundle"))


def test_what_is_written_is_read(prepared: DataBundle) -> None:
    again = DataBundle.open(prepared.root)
    assert again == prepared
    assert sum(again.counts.values()) == 1797
    for split in SPLITS:
        images, targets = again.images(split), again.targets(split)
        assert images.shape == (again.counts[split], 8, 8, 1)
        assert images.dtype == np.uint8
        assert (targets.shape, targets.dtype) == ((again.counts[split],), np.int64)
        assert np.bincount(targets, minlength=10).tolist() == list(again.class_counts[split])
        assert len(again.names(split)) == len(again.keys(split)) == len(images)


def test_images_are_mapped_and_cannot_be_written(prepared: DataBundle) -> None:
    images = prepared.images("train")
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


ALL_FILES = [name(split) for split in SPLITS for name in (images_file, targets_file, samples_file)]


@pytest.mark.parametrize("name", [*ALL_FILES, "bundle.json"])
@pytest.mark.parametrize("verify", [True, False])
def test_missing_file_is_named(copy: Path, name: str, verify: bool) -> None:
    (copy / name).unlink()
    with pytest.raises(IntegrityError, match=f"{name} is missing; delete the folder and prepare the data again"):
        DataBundle.open(copy, verify)


@pytest.mark.parametrize("name", ALL_FILES)
def test_one_changed_byte_is_found(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=f"{name} is truncated or altered"):
        DataBundle.open(copy)
    DataBundle.open(copy, verify=False)


@pytest.mark.parametrize("verify", [True, False])
def test_truncation_is_found(copy: Path, verify: bool) -> None:
    path = copy / images_file("val")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=r"val_images\.npy is truncated"):
        DataBundle.open(copy, verify)


def test_altered_document_is_found(copy: Path) -> None:
    text = (copy / "bundle.json").read_text()
    (copy / "bundle.json").write_text(text.replace('"size": 8', '"size": 9', 1))
    with pytest.raises(IntegrityError, match=r"bundle\.json was altered"):
        DataBundle.open(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"checksum": 1}'])
def test_damaged_document_is_found(copy: Path, text: str) -> None:
    (copy / "bundle.json").write_text(text)
    with pytest.raises(IntegrityError, match=r"bundle\.json (is damaged|was altered)"):
        DataBundle.open(copy)


def test_another_schema_version_is_said(copy: Path) -> None:
    from nasflow.ids import digest

    document = json.loads((copy / "bundle.json").read_text())
    document.pop("checksum")
    document["schema_version"] = 99
    (copy / "bundle.json").write_text(json.dumps({**document, "checksum": digest(document, 64)}))
    with pytest.raises(IntegrityError, match="schema version 99, this nasflow reads 2"):
        DataBundle.open(copy)


def test_file_that_goes_after_opening_is_named(copy: Path) -> None:
    bundle = DataBundle.open(copy)
    shutil.rmtree(copy)
    for read, name in ((bundle.images, images_file), (bundle.targets, targets_file), (bundle.keys, samples_file)):
        with pytest.raises(IntegrityError, match=f"{name('test')} cannot be read"):
            read("test")


def test_folder_can_be_moved(copy: Path, prepared: DataBundle) -> None:
    moved = copy.rename(copy.with_name("elsewhere"))
    assert np.array_equal(DataBundle.open(moved).images("test"), prepared.images("test"))
