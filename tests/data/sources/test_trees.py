"""The same questions have the same answers for folders on the disk and for lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nasflow.data.sources.trees import File, FolderTree, ListedTree, Tree
from nasflow.errors import DataError

NAMES = ["a/1.jpg", "a/deep/er/2.jpg", "b/x.txt", "top.txt", ".git/c", "a/.DS_Store", "a/Thumbs.db", "__MACOSX/a/1.jpg"]


@pytest.fixture(params=["folder", "list"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    if request.param == "list":
        return ListedTree(str(tmp_path), [File(name, len(name), 0) for name in NAMES], ["empty", "a", ".cache/x"])
    (tmp_path / "empty").mkdir()
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return FolderTree(tmp_path)


def test_visible(tree: Tree) -> None:
    assert tree.visible("") == (["a", "b", "empty"], ["top.txt"])
    assert tree.visible("a") == (["deep"], ["1.jpg"])
    assert tree.visible("a/deep/er") == ([], ["2.jpg"])
    assert tree.visible("empty") == ([], [])


def test_below(tree: Tree) -> None:
    assert {(file.name, file.bytes) for file in tree.below("a")} == {("a/1.jpg", 7), ("a/deep/er/2.jpg", 15)}
    assert list(tree.below("empty")) == []


def test_may_hold_images(tree: Tree) -> None:
    assert [tree.may_hold_images(folder) for folder in ("a", "a/deep", "b", "empty")] == [True, True, False, False]


def test_where(tree: Tree, tmp_path: Path) -> None:
    assert (tree.where(), tree.where("a/deep")) == (str(tmp_path), f"{tmp_path}/a/deep")


def test_times_are_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (file,) = FolderTree(tmp_path).below("a")
    assert file.changed == (tmp_path / "a" / "1.jpg").stat().st_mtime_ns


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    tree = FolderTree(tmp_path)
    for ask in (tree.visible, lambda folder: list(tree.below(folder))):
        with pytest.raises(DataError, match=r"gone cannot be read \(No such file or directory\); run again\."):
            ask("gone")


class TestNamesInLatin1:
    @pytest.fixture
    def odd(self, tmp_path: Path) -> Path:
        for name in (b"caf\xe9/in/\xfc.jpg", b"cat/1.jpg"):
            path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name)
        return tmp_path

    def test_they_are_read_and_found_again(self, odd: Path) -> None:
        tree = FolderTree(odd)
        assert tree.visible("") == (["caf\u00e9", "cat"], [])
        assert tree.visible("caf\u00e9") == (["in"], [])
        assert tree.may_hold_images("caf\u00e9")
        assert tree.where("caf\u00e9").encode() == f"{odd}/caf\u00e9".encode()
        (file,) = tree.below("caf\u00e9")
        assert file.name == "caf\u00e9/in/\u00fc.jpg"
        assert tree.path(file.name).read_bytes() == b"caf\xe9/in/\xfc.jpg"
        assert tree.path("cat/1.jpg") == odd / "cat/1.jpg"

    def test_two_that_read_alike_are_refused(self, odd: Path) -> None:
        (odd / "caf\u00e9").mkdir()
        with pytest.raises(
            DataError, match="caf\u00e9 is there twice, once with a name that is not UTF-8; rename one of"
        ):
            FolderTree(odd).visible("")
