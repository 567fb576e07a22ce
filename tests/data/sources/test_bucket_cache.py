"""What is kept of a bucket on this machine, and that only what was fetched is ever used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nasflow.data.sources import bucket_cache
from nasflow.data.sources.bucket_cache import BucketCache
from nasflow.errors import DataError
from nasflow.storage.s3.address import parse
from nasflow.storage.s3.bucket import Bucket, Listed

CONTENT = bytes(range(256)) * 20
"""Six chunks of a thousand bytes at most."""


@pytest.fixture
def cache(minio_url: str, minio_client: Path, monkeypatch: pytest.MonkeyPatch) -> BucketCache:
    monkeypatch.setattr(bucket_cache, "_CHUNK", 1000)
    return BucketCache(parse(minio_url))


@pytest.fixture
def each(cache: BucketCache) -> Listed:
    cache.bucket.put("some/data.bin", CONTENT)
    (found,) = cache.bucket.listed("some/")
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The places from which something was fetched."""
    real, places = Bucket.read, list[int]()

    def read(self: Bucket, name: str, etag: str, start: int, count: int) -> bytes | None:
        places.append(start)
        return real(self, name, etag, start, count)

    monkeypatch.setattr(Bucket, "read", read)
    return places


WHOLE = [0, 1000, 2000, 3000, 4000, 5000]


def test_a_content_is_fetched_once(cache: BucketCache, each: Listed, asked: list[int]) -> None:
    assert cache.kept(each) is None
    assert cache.kept_content(each) is None
    assert cache.content(each) == CONTENT
    assert asked == WHOLE
    assert cache.kept(each) == cache.file(each)
    assert cache.kept_content(each) == cache.content(each) == cache.file(each).read_bytes() == CONTENT
    assert asked == WHOLE
    assert cache.part(each, 10) == CONTENT[:10]


def test_a_file_is_fetched_once(cache: BucketCache, each: Listed, asked: list[int]) -> None:
    assert cache.file(each).read_bytes() == CONTENT
    assert cache.content(each) == CONTENT
    assert cache.file(each).name == "data.bin"
    assert asked == WHOLE


def altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[2500] ^= 1
    path.write_bytes(content)


def regrown(path: Path) -> None:
    """As after a crash of the machine: the size is there, the content is not."""
    os.truncate(path, 1500)
    os.truncate(path, len(CONTENT))


def without_sums(path: Path) -> None:
    path.with_name("~sums").unlink()


def with_other_sums(path: Path) -> None:
    path.with_name("~sums").write_bytes(b"\xff\n" * 6)


@pytest.mark.parametrize("damage", [altered, regrown, without_sums, with_other_sums])
@pytest.mark.parametrize("way", ["content", "file"])
def test_what_is_damaged_is_fetched_again(way: str, damage, cache: BucketCache, each: Listed, asked: list[int]) -> None:
    def read() -> bytes:
        return cache.content(each) if way == "content" else cache.file(each).read_bytes()

    assert read() == CONTENT
    path = cache.kept(each)
    assert path is not None
    damage(path)
    assert cache.kept_content(each) is None
    assert read() == CONTENT
    assert asked == WHOLE * 2
    assert read() == CONTENT
    assert asked == WHOLE * 2


class TestBrokenFetch:
    @pytest.fixture
    def part(self, cache: BucketCache, each: Listed, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> Path:
        """What is there of a file whose fetch broke in its fourth chunk."""
        counting = Bucket.read

        def breaking(self: Bucket, name: str, etag: str, start: int, count: int) -> bytes | None:
            if start == 3000:
                asked.append(start)
                raise KeyboardInterrupt
            return counting(self, name, etag, start, count)

        monkeypatch.setattr(Bucket, "read", breaking)
        with pytest.raises(KeyboardInterrupt):
            cache.file(each)
        monkeypatch.setattr(Bucket, "read", counting)
        asked.clear()
        return cache._path(each).with_name("~part")

    def test_it_goes_on(self, part: Path, cache: BucketCache, each: Listed, asked: list[int]) -> None:
        assert part.stat().st_size == 3000
        assert cache.file(each).read_bytes() == CONTENT
        assert asked == [3000, 4000, 5000]

    def test_after_what_is_as_it_was_fetched(
        self, part: Path, cache: BucketCache, each: Listed, asked: list[int]
    ) -> None:
        content = bytearray(part.read_bytes())
        content[1500] ^= 1
        part.write_bytes(content + b"half a chunk")
        assert cache.file(each).read_bytes() == CONTENT
        assert asked == [1000, 2000, 3000, 4000, 5000]

    def test_what_is_longer_than_the_checksums_known_is_not_trusted(
        self, part: Path, cache: BucketCache, each: Listed, asked: list[int]
    ) -> None:
        part.write_bytes(CONTENT[:3000] + bytes(2000))
        assert cache.file(each).read_bytes() == CONTENT
        assert asked == [3000, 4000, 5000]


def test_content_is_on_the_disk_before_it_has_its_name(
    cache: BucketCache, each: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(file: int) -> None:
        events.append(f"synced {os.fstat(file).st_size}")
        fsync(file)

    def noted_replace(self: Path, target: Path) -> Path:
        events.append(f"named {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    cache.content(each)
    assert events[-2:] == [f"synced {len(CONTENT)}", "named data.bin"]
    monkeypatch.setenv("NASFLOW_CACHE", f"{os.environ['NASFLOW_CACHE']}/other")
    events.clear()
    cache.file(each)
    assert events.index(f"synced {len(CONTENT)}") < events.index("named data.bin")


def test_an_empty_file(cache: BucketCache, asked: list[int]) -> None:
    cache.bucket.put("empty", b"")
    (each,) = cache.bucket.listed("empty")
    assert cache.content(each) == b""
    assert cache.file(each).read_bytes() == b""
    assert cache.kept_content(each) == b""
    assert asked == []


def test_another_content_is_another_file(cache: BucketCache, each: Listed) -> None:
    old = cache.file(each)
    cache.bucket.put("some/data.bin", CONTENT[::-1])
    with pytest.raises(DataError, match=r"'some/data\.bin' in bucket '.*' has changed while the data were read; run"):
        cache.part(each, 10)
    (now,) = cache.bucket.listed("some/")
    assert cache.kept(now) is None
    assert cache.file(now).read_bytes() == CONTENT[::-1]
    assert old.read_bytes() == CONTENT


def test_no_name_becomes_a_path_here(cache: BucketCache, minio_client: Path) -> None:
    for name in ("../../evil.png", "/etc/passwd", "..", "a/..", ".", "x" * 1000, "~part", "~lock", "~sums"):
        path = cache._path(Listed(name, 1, "e"))
        assert path.resolve().is_relative_to(minio_client.resolve() / "objects")
        assert 0 < len(path.name) <= 100
        assert path.name not in ("..", "~part", "~lock", "~sums")
