"""The contract of stores is known to bite: each broken store below fails the test that is there for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nasflow.storage.file import FileStore
from nasflow.testing.stores import StoreContract


class Overwriting(FileStore):
    def put_if_absent(self, key: str, content: bytes) -> bool:
        self.put(key, content)
        return True


class Swapping(FileStore):
    def replace(self, key: str, expected: bytes, content: bytes) -> bool:
        self.put(key, content)
        return True


class Unsorted(FileStore):
    def keys(self, prefix: str) -> Iterator[str]:
        yield from reversed(list(super().keys(prefix)))


class ByFolder(FileStore):
    def keys(self, prefix: str) -> Iterator[str]:
        yield from (key for key in super().keys("") if key.startswith(prefix.rstrip("/") + "/") or not prefix)


class Open(FileStore):
    def _path(self, key: str) -> Path:
        return self.root / key.replace("\0", "")


class Clearing(FileStore):
    def delete(self, key: str) -> None:
        for other in list(self.keys(key.partition("/")[0])):
            super().delete(other)


class TextOnly(FileStore):
    def get(self, key: str) -> bytes | None:
        content = super().get(key)
        return None if content is None else content.replace(b"\x00", b"").rstrip()


BROKEN = [
    (Overwriting, "test_put_if_absent_keeps_the_first"),
    (Swapping, "test_replace_needs_the_expected_content"),
    (Unsorted, "test_keys_are_sorted_and_filtered_by_prefix"),
    (ByFolder, "test_keys_are_sorted_and_filtered_by_prefix"),
    (Clearing, "test_delete_removes_one"),
]


@pytest.mark.parametrize(("kind", "test"), BROKEN, ids=[kind.__name__ for kind, _ in BROKEN])
def test_broken_stores_fail(tmp_path: Path, kind: type[FileStore], test: str) -> None:
    getattr(StoreContract(), test)(FileStore(tmp_path / "sound"))
    with pytest.raises(AssertionError):
        getattr(StoreContract(), test)(kind(tmp_path / "broken"))


def test_altered_content_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        StoreContract().test_what_is_put_is_got(TextOnly(tmp_path), b"\x00\xff\n")


def test_open_keys_fail(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception):
        StoreContract().test_illegal_keys_are_refused(Open(tmp_path / "a" / "b"), "../up")


def test_a_store_that_writes_when_opened_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def eager(url: str) -> FileStore:
        store = FileStore(url)
        store.put("hello", b"")
        return store

    monkeypatch.setattr("nasflow.testing.stores.open_store", eager)
    with pytest.raises(AssertionError):
        StoreContract().test_opening_writes_nothing(str(tmp_path / "s"), tmp_path)


pytest_plugins = ["pytester"]


def test_a_subclass_without_a_url_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("from nasflow.testing.stores import StoreContract\nclass TestMine(StoreContract):\n    pass")
    result = pytester.runpytest("-k", "absent_is_none")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*give the test class a fixture `url`*"])
