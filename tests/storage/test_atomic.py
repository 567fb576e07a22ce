from __future__ import annotations

import os
from pathlib import Path

import pytest

from nasflow.storage import atomic


def test_written_beside_is_gone_afterwards(tmp_path: Path) -> None:
    with atomic.written_beside(tmp_path / "new" / "k", b"content") as temporary:
        assert temporary.parent == tmp_path / "new"
        assert temporary.read_bytes() == b"content"
        assert temporary.name.startswith(atomic.MARK)
    assert list((tmp_path / "new").iterdir()) == []


def test_an_error_inside_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic.written_beside(tmp_path / "k", b"content"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_link_takes_a_free_name_only(tmp_path: Path) -> None:
    with atomic.written_beside(tmp_path / "k", b"first") as temporary:
        assert atomic.link_unless_there(temporary, tmp_path / "k") is True
    with atomic.written_beside(tmp_path / "k", b"second") as temporary:
        assert atomic.link_unless_there(temporary, tmp_path / "k") is False
    assert (tmp_path / "k").read_bytes() == b"first"


def test_other_failures_of_a_link_are_raised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic.link_unless_there(tmp_path / "missing", tmp_path / "k")


def test_move_over_replaces(tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"old")
    with atomic.written_beside(tmp_path / "k", b"new") as temporary:
        atomic.move_over(temporary, tmp_path / "k")
    assert (tmp_path / "k").read_bytes() == b"new"


def test_folders_are_made_once(tmp_path: Path) -> None:
    atomic.make_folder(tmp_path / "a" / "b")
    atomic.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_only_marked_old_files_are_leftovers(tmp_path: Path) -> None:
    for name in ("~k.1.ab", "~lock", "k.1.ab"):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "~folder.1.ab").mkdir()
    atomic.remove_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["k.1.ab", "~folder.1.ab", "~lock"]
    atomic.remove_leftovers(tmp_path / "missing")
