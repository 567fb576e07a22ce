"""What a file holds is looked for once, until the file changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nasflow.data import Summary
from nasflow.data.sources.remembering import remembered, stamp
from nasflow.errors import DataError

SUMMARY = Summary(("a", "b"), (3, 4), 3, 32, ("train", "test"), "digest")


class Looker:
    def __init__(self, summary: Summary = SUMMARY) -> None:
        self.calls = 0
        self.summary = summary

    def __call__(self) -> Summary:
        self.calls += 1
        return self.summary


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "photos.zip").write_bytes(b"content")
    return tmp_path / "photos.zip"


def test_the_second_time_it_is_known(file: Path, cache: Path) -> None:
    look = Looker()
    assert remembered(file, look) == remembered(file, look) == SUMMARY
    assert look.calls == 1
    assert len(list((cache / "scans").iterdir())) == 1


@pytest.mark.parametrize("change", [lambda f: f.write_bytes(b"more content"), lambda f: os.utime(f, ns=(1, 1))])
def test_a_changed_file_is_looked_at_again(file: Path, cache: Path, change: object) -> None:
    look = Looker()
    remembered(file, look)
    before = stamp(file)
    change(file)  # type: ignore[operator]
    assert stamp(file) != before
    remembered(file, look)
    assert look.calls == 2
    assert len(list((cache / "scans").iterdir())) == 1, "one document a file"


def test_two_files_are_two(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(b"content")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    remembered(file, Looker())
    look = Looker(Summary(("x", "y"), (1, 1), 1, 8, (), "z"))
    assert remembered(other, look).classes == ("x", "y")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"stamp": 1, "summary": {}}', "\ud800"])
def test_a_damaged_memory_is_none(file: Path, cache: Path, content: str) -> None:
    look = Looker()
    remembered(file, look)
    (document,) = (cache / "scans").iterdir()
    document.write_text(content, encoding="utf-8", errors="surrogatepass")
    assert remembered(file, look) == SUMMARY
    assert look.calls == 2


def test_where_nothing_can_be_written_it_is_looked_at_each_time(file: Path, cache: Path) -> None:
    cache.write_text("no folder")
    look = Looker()
    assert remembered(file, look) == remembered(file, look) == SUMMARY
    assert look.calls == 2


def test_a_refusal_is_not_remembered(file: Path, cache: Path) -> None:
    def refuse() -> Summary:
        raise DataError("no")

    with pytest.raises(DataError, match="no"):
        remembered(file, refuse)
    assert not cache.exists()


def test_a_file_that_changes_meanwhile_is_not_remembered(file: Path) -> None:
    def look() -> Summary:
        file.write_bytes(b"something longer")
        return SUMMARY

    assert remembered(file, look) == SUMMARY
    again = Looker()
    remembered(file, again)
    assert again.calls == 1


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        remembered(tmp_path / "gone.zip", Looker())
