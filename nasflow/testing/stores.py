"""The contract of a store, as tests: subclass `StoreContract` in a test module and give it the fixture `url`.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def url(self) -> str:
            return "mine://fresh-and-empty"

The tests open the store by its URL, also in other processes, some of which are killed while they write.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import StorageError
from nasflow.storage import Store, open_store

_SPAWN = multiprocessing.get_context("spawn")


def _sealed(size: int, seed: int) -> bytes:
    body = random.Random(seed).randbytes(size)
    return hashlib.sha256(body).digest() + body


def _whole(content: bytes) -> bool:
    return hashlib.sha256(content[32:]).digest() == content[:32]


def _write_for_ever(url: str, number: int) -> None:
    store = open_store(url)
    seed = number * 1_000_000
    while True:
        seed += 1
        content = _sealed(random.Random(seed).choice([100, 5_000, 400_000]), seed)
        match seed % 4:
            case 0:
                store.put_if_absent(f"killed/new/{seed}", content)
            case 1:
                current = store.get("killed/swapped")
                if current is None or not store.replace("killed/swapped", current, content):
                    store.put_if_absent("killed/swapped", content)
            case _:
                store.put(f"killed/{seed % 3}", content)


def _claim_all(url: str, number: int, start: float, count: int) -> None:
    store = open_store(url)
    time.sleep(max(0.0, start - time.time()))
    for key in range(count):
        if store.put_if_absent(f"race/{key}", f"{number}".encode()):
            store.put(f"won/{key}.{number}", b"")


def _increment(url: str, start: float, count: int) -> None:
    store = open_store(url)
    time.sleep(max(0.0, start - time.time()))
    for _ in range(count):
        while True:
            current = store.get("counter") or b""
            if store.replace("counter", current, b"%d" % (int(current) + 1)):
                break


@contextmanager
def _processes(target: Callable[..., None], arguments: list[tuple[Any, ...]]) -> Iterator[list[BaseProcess]]:
    started: list[BaseProcess] = [_SPAWN.Process(target=target, args=each, daemon=True) for each in arguments]
    for process in started:
        process.start()
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.join()


class StoreContract:
    """What every store does; a subclass provides the fixture `url`."""

    KILLS = 6
    """How many times writers are killed."""

    @pytest.fixture
    def url(self) -> str:
        """Return the URL of a fresh, empty store."""
        raise NotImplementedError("give the test class a fixture `url`: the URL of a fresh, empty store.")

    @pytest.fixture
    def store(self, url: str) -> Store:
        """Open the store under test."""
        return open_store(url)

    def test_it_opens_again_by_its_own_url(self, store: Store) -> None:
        """A store names itself so that another process finds it."""
        store.put("a/b.json", b"content")
        assert open_store(store.url).get("a/b.json") == b"content"

    @pytest.mark.parametrize("content", [b"", b"\x00\xff\n", b"x" * 2_000_000], ids=["empty", "binary", "large"])
    def test_what_is_put_is_got(self, store: Store, content: bytes) -> None:
        """Any bytes come back as they were."""
        store.put("folder/thing.bin", content)
        assert store.get("folder/thing.bin") == content

    def test_absent_is_none(self, store: Store) -> None:
        """Absence is an answer, no error."""
        assert store.get("no/such") is None
        assert list(store.keys("no/")) == []
        store.delete("no/such")
        store.put("one", b"1")
        assert store.get("one/below") is None

    def test_put_replaces(self, store: Store) -> None:
        """The last write stands."""
        store.put("k", b"a much longer first content")
        store.put("k", b"second")
        assert store.get("k") == b"second"

    def test_what_is_put_in_haste_is_there_too(self, store: Store) -> None:
        """A write that does not wait for the disk is seen by the next reader."""
        store.put("k", b"first")
        store.put("k", b"second", durable=False)
        assert open_store(store.url).get("k") == b"second"

    def test_put_if_absent_keeps_the_first(self, store: Store) -> None:
        """The first write stands, until it is deleted."""
        assert store.put_if_absent("k", b"first")
        assert not store.put_if_absent("k", b"second")
        assert store.get("k") == b"first"
        store.delete("k")
        assert store.put_if_absent("k", b"third")
        assert store.get("k") == b"third"

    def test_replace_needs_the_expected_content(self, store: Store) -> None:
        """Compare and swap."""
        assert not store.replace("k", b"", b"new")
        assert store.get("k") is None
        store.put("k", b"old")
        assert not store.replace("k", b"other", b"new")
        assert store.get("k") == b"old"
        assert store.replace("k", b"old", b"new")
        assert store.get("k") == b"new"

    def test_delete_removes_one(self, store: Store) -> None:
        """Neighbours stay."""
        store.put("a/1", b"")
        store.put("a/2", b"")
        store.delete("a/1")
        assert store.get("a/1") is None
        assert list(store.keys("a/")) == ["a/2"]

    def test_keys_are_sorted_and_filtered_by_prefix(self, store: Store) -> None:
        """A prefix is a beginning of the text, not only a folder."""
        keys = ["results/b.json", "results/a.json", "results/a/c", "results-old/x", "top", "a-b/c", "a/b"]
        for key in keys:
            store.put(key, key.encode())
        assert list(store.keys("")) == sorted(keys)
        assert list(store.keys("results/")) == ["results/a.json", "results/a/c", "results/b.json"]
        assert list(store.keys("results/a")) == ["results/a.json", "results/a/c"]
        assert list(store.keys("res")) == ["results-old/x", "results/a.json", "results/a/c", "results/b.json"]

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../up", "a/../../up", "a//b", "a/", "./a", "a b", "a\\b", "a\0", "ä", "~x", "a\n"]
    )
    def test_illegal_keys_are_refused(self, store: Store, key: str) -> None:
        """No key leads out of the store."""
        with pytest.raises(StorageError, match="key"):
            store.put(key, b"x")
        with pytest.raises(StorageError, match="key"):
            store.get(key)

    def test_local_folder_is_no_key(self, store: Store) -> None:
        """Working files are not documents."""
        folder = store.local_folder()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "working.txt").write_text("large")
        assert open_store(store.url).local_folder() == folder
        assert list(store.keys("")) == []

    def test_one_of_several_racers_wins(self, store: Store, url: str) -> None:
        """Exactly one `put_if_absent` of a key says yes, and its content is what stays."""
        start, count = time.time() + 1.0, 40
        with _processes(_claim_all, [(url, number, start, count) for number in range(3)]) as racers:
            for racer in racers:
                racer.join()
        winners = sorted(key.removeprefix("won/") for key in store.keys("won/"))
        stand = sorted(f"{key}.{(store.get(f'race/{key}') or b'').decode()}" for key in range(count))
        assert winners == stand

    def test_no_swap_is_lost(self, store: Store, url: str) -> None:
        """Every successful `replace` counts."""
        store.put("counter", b"0")
        with _processes(_increment, [(url, time.time() + 1.0, 30)] * 3) as workers:
            for worker in workers:
                worker.join()
        assert store.get("counter") == b"90"

    def test_killed_writers_leave_nothing_half_done(self, store: Store, url: str) -> None:
        """A process killed while it writes leaves the old content or the new, and blocks nobody."""
        pause = random.Random(1)
        for number in range(self.KILLS):
            before = set(store.keys("killed/new/"))
            with _processes(_write_for_ever, [(url, number)]):
                while set(store.keys("killed/new/")) == before:  # until it writes
                    time.sleep(0.01)
                time.sleep(pause.random() / 10)
        keys = list(store.keys(""))
        assert {"killed/0", "killed/swapped"} <= set(keys)
        assert [key for key in keys if not _whole(store.get(key) or b"")] == []
        current = store.get("killed/swapped") or b""
        assert store.replace("killed/swapped", current, b"after")

    def test_readers_see_old_or_new(self, store: Store, url: str) -> None:
        """A reader never sees a part."""
        with _processes(_write_for_ever, [(url, 1), (url, 2)]):
            seen: set[bytes] = set()
            while len(seen) < 10:
                content = store.get("killed/1")
                if content is not None:
                    assert _whole(content)
                    seen.add(content[:32])

    def test_opening_writes_nothing(self, url: str, tmp_path: Path) -> None:
        """Looking is free: nothing is made before the first write."""
        before = sorted(tmp_path.rglob("*"))
        store = open_store(url)
        assert store.get("k") is None
        assert list(store.keys("")) == []
        store.delete("k")
        assert not store.replace("k", b"", b"x")
        assert sorted(tmp_path.rglob("*")) == before
