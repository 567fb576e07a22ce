"""Names of image files, and the order in which files are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.data.sources.layout import Entry, is_image_name, read_layout


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
