"""Names of image files, and the order in which files are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.data.sources.layout import Entry, Layout
from nasflow.data.sources.layout import read_layout as read
from nasflow.data.sources.names import is_image_name
from nasflow.data.sources.trees import FolderTree
from nasflow.errors import DataError


def read_layout(root: Path) -> Layout:
    return read(FolderTree(root))


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "x.y.png", "b.Tif", "c.webp", "d.pgm", "e.gif", "f.bmp"])
def test_image_names(name: str) -> None:
    assert is_image_name(name)
    assert Entry(f"cat/{name}", None, "cat", 1, 1).is_image_by_name


@pytest.mark.parametrize("name", ["a.txt", "jpg", "a.jpg.part", "a", "a.svg", "a.mp4"])
def test_other_names(name: str) -> None:
    assert not is_image_name(name)


def test_entries_are_sorted_whatever_the_file_system_says(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/10.jpg", "a/z.jpg", "a/a/1.jpg", "a/B.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * len(name))
    layout = read_layout(tmp_path)
    assert [entry.name for entry in layout.entries] == ["a/B.jpg", "a/a/1.jpg", "a/z.jpg", "b/10.jpg", "b/2.jpg"]
    assert [entry.class_name for entry in layout.entries] == ["a", "a", "a", "b", "b"]
    assert layout.entries[0].bytes == 7


def test_splits_come_in_their_order(tmp_path: Path) -> None:
    for split in ("test", "train", "valid"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / "1.jpg").touch()
    layout = read_layout(tmp_path)
    assert layout.splits == ("train", "val", "test")
    assert [entry.split for entry in layout.entries] == ["train", "train", "val", "val", "test", "test"]
    assert layout.entries[2].name == "valid/a/1.jpg"


def made(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(b"x")
    return root


def test_a_folder_that_is_no_image_folder_is_named_first(tmp_path: Path) -> None:
    root = made(tmp_path, "binfmt.d/", "apt/sources.list", "ssl/openssl.cnf")
    with pytest.raises(DataError, match=rf"data.source: {root} is no image folder: none of its 3 folders holds images"):
        read_layout(root)
    with pytest.raises(DataError, match=r"no image folder: 1 of its 4 folders holds images\. Name a folder with one"):
        read_layout(made(root, "icons/a.png"))


def test_an_empty_one_among_image_folders_is_named(tmp_path: Path) -> None:
    root = made(tmp_path, "cat/1.jpg", "dog/")
    with pytest.raises(DataError, match=rf"class folder {root / 'dog'} is empty; add images or remove it"):
        read_layout(root)


def test_a_file_that_is_gone_matters_among_images_alone(tmp_path: Path) -> None:
    root = made(tmp_path, "apt/sources.list", "ssl/openssl.cnf")
    (root / "apt" / "gone").symlink_to(root / "nowhere")
    with pytest.raises(DataError, match="is no image folder"):
        read_layout(root)
    with pytest.raises(DataError, match="apt/gone cannot be read"):
        read_layout(made(root, "apt/1.jpg", "ssl/1.jpg"))


def test_the_folder_of_a_split_is_looked_at_by_itself(tmp_path: Path) -> None:
    root = made(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/a/", "test/b/")
    with pytest.raises(DataError, match=rf"{root / 'test'} is no image folder: none of its 2 folders"):
        read_layout(root)
