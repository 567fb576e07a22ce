from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from nasflow.errors import StorageError
from nasflow.storage import atomic
from nasflow.storage.file import FileStore
from nasflow.testing.stores import StoreContract


class TestFileStore(StoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "deep" / "store")


def test_file_systems_without_hard_links_keep_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    store = FileStore(tmp_path)
    assert store.put_if_absent("k", b"first")
    assert not store.put_if_absent("k", b"second")
    assert store.get("k") == b"first"


def test_relative_folder_is_fixed_when_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileStore("here")
    monkeypatch.chdir("/")
    store.put("k", b"x")
    assert (tmp_path / "here" / "k").read_bytes() == b"x"
    assert store.url == str(tmp_path / "here")


def test_home_and_file_urls_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FileStore("~/store").root == tmp_path / "store"
    assert FileStore(f"file://{tmp_path}/with%20space").root == tmp_path / "with space"
    with pytest.raises(StorageError, match="host 'elsewhere'"):
        FileStore("file://elsewhere/path")
    with pytest.raises(StorageError, match="empty"):
        FileStore(" ")


def test_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    store = FileStore(tmp_path / "store")
    for action in (
        lambda: store.put("a/k", b""),
        lambda: store.put_if_absent("k", b""),
        lambda: store.get("k"),
        lambda: list(store.keys("")),
        store.check_writable,
    ):
        with pytest.raises(StorageError, match=r"store' is a file where a folder is needed.*storage.url") as raised:
            action()
        assert "\n" not in str(raised.value)


def test_folder_in_place_of_a_document_is_named(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a/b", b"")
    assert store.get("a") is None
    with pytest.raises(StorageError, match=r"a' is a folder where a file is needed"):
        store.put("a", b"")


UNPRIVILEGED = """
import os, sys
import filelock
from nasflow.errors import StorageError
from nasflow.storage.file import FileStore
store = FileStore(sys.argv[1])
os.setuid(65534)
for action in (lambda: store.put("k", b"x"), lambda: store.put("new/k", b"x"), lambda: store.delete("k")):
    try:
        action()
    except StorageError as error:
        print(error)
    else:
        print("written")
print(store.get("k"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_missing_permission_is_said_and_reading_goes_on() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not below pytest's own, which is closed to others
        Path(folder).chmod(0o755)
        FileStore(folder).put("k", b"mine")
        command = [sys.executable, "-c", UNPRIVILEGED, folder]
        done = subprocess.run(command, capture_output=True, text=True)
    *refusals, content = done.stdout.splitlines()
    assert content == "b'mine'", done.stderr
    assert len(refusals) == 3
    assert all("permission denied" in line and "choose another storage.url" in line for line in refusals)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EROFS, "read-only file system"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_failing_disk_is_explained_and_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    store = FileStore(tmp_path)
    store.put("k", b"old")
    write = os.write

    def half(file: int, content: memoryview) -> int:
        if len(content) > 10:
            return write(file, content[: len(content) // 2])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StorageError, match=sentence):
        store.put("k", b"new" * 1000)
    monkeypatch.undo()
    assert store.get("k") == b"old"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "~lock") == ["k"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EAGAIN, errno.EBUSY])
@pytest.mark.parametrize("name", ["fsync", "replace", "link"])
def test_a_write_that_falters_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    real, failures = getattr(os, name), [OSError(number, os.strerror(number))] * 2

    def faltering(*arguments: object, **options: object) -> object:
        if failures:
            raise failures.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(os, name, faltering)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    store = FileStore(tmp_path)
    assert store.put_if_absent("a", b"first")
    assert not store.put_if_absent("a", b"second")
    store.put("b", b"third")
    assert store.replace("b", b"third", b"fourth")
    assert not failures
    assert (store.get("a"), store.get("b")) == (b"first", b"fourth")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "~lock") == ["a", "b"]


@pytest.mark.parametrize("name", ["replace", "link"])
def test_a_write_that_was_made_and_called_failed_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real, failures = getattr(os, name), [OSError(errno.EIO, "Input/output error")]

    def answer_lost(*arguments: object, **options: object) -> None:
        real(*arguments, **options)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(os, name, answer_lost)
    store = FileStore(tmp_path)
    assert store.put_if_absent("a", b"mine")
    store.put("b", b"mine")
    assert not failures
    assert (store.get("a"), store.get("b")) == (b"mine", b"mine")


def test_a_read_that_falters_is_tried_four_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path)
    store.put("k", b"x")
    read, failures = Path.read_bytes, [OSError(errno.ESTALE, "Stale file handle")] * 3

    def faltering(self: Path) -> bytes:
        if failures:
            raise failures.pop()
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", faltering)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert store.get("k") == b"x"
    failures.extend([OSError(errno.ESTALE, "Stale file handle")] * 4)
    with pytest.raises(StorageError, match="Stale file handle"):
        store.get("k")
    assert not failures


def test_a_full_disk_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def full(file: int) -> None:
        calls.append(file)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        FileStore(tmp_path).put("k", b"x")
    assert len(calls) == 1


def test_looking_whether_it_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    FileStore(tmp_path / "a" / "b").check_writable()
    FileStore(tmp_path).check_writable()
    assert list(tmp_path.iterdir()) == []


def test_readers_leave_nothing(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    assert store.local_folder() == tmp_path / "store" / "local"
    assert store.get("k") is None
    assert list(store.keys("")) == []
    store.delete("k")
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:1000]))
    FileStore(tmp_path).put("k", b"0123456789" * 1000)
    assert FileStore(tmp_path).get("k") == b"0123456789" * 1000


def test_old_leftovers_go_with_the_next_write_and_young_ones_stay(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a/k", b"x")
    old, young = tmp_path / "a" / "~k.1.00", tmp_path / "a" / "~k.2.00"
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    long_ago = time.time() - 2 * atomic.OLD
    os.utime(old, (long_ago, long_ago))
    assert list(store.keys("")) == ["a/k"]
    FileStore(tmp_path).put("a/k", b"y")
    assert not old.exists()
    assert young.exists()


@pytest.mark.parametrize("key", ["local/x", "mlflow.db", "mlartifacts/1/run"])
def test_working_files_are_no_documents(tmp_path: Path, key: str) -> None:
    store = FileStore(tmp_path)
    with pytest.raises(StorageError, match="no place for documents"):
        store.put(key, b"x")
    path = tmp_path / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    (tmp_path / "mlflow.db-journal").write_bytes(b"")
    assert list(store.keys("")) == []


def test_folders_are_synced_so_that_names_survive_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    sync = atomic.sync_folder
    monkeypatch.setattr(atomic, "sync_folder", lambda folder: (synced.append(folder), sync(folder)))
    FileStore(tmp_path / "s").put("a/k", b"x")
    assert synced == [tmp_path, tmp_path / "s", tmp_path / "s" / "a"]


def test_in_haste_the_disk_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(str(tmp_path / "s"))
    store.put("a/b", b"1")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    store.put("a/b", b"2", durable=False)
    assert (store.get("a/b"), synced) == (b"2", [])
    store.put("a/b", b"3")
    assert len(synced) == 2  # the file, and its name
