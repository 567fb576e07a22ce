"""Files of a bucket, fetched by several threads: how many at once, and what happens when nobody wants them any more."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nasflow.data.sources import bucket_files
from nasflow.data.sources.bucket_cache import BucketCache
from nasflow.data.sources.bucket_files import BucketFiles, kept_file, only
from nasflow.data.sources.layout import Entry
from nasflow.errors import DataError
from nasflow.storage.patience import DOOR_SECONDS, allowed, at_the_door
from nasflow.storage.s3.address import Address, parse
from nasflow.storage.s3.bucket import Listed


class Counting(BucketCache):
    """A cache without a bucket, that counts how many bytes are in its hands."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__(parse("s3://bucket?endpoint=http://127.0.0.1:9", {}))
        self.things = [Listed(f"a/{number}.png", size, "e") for number, size in enumerate(sizes)]
        self.lock = threading.Lock()
        self.begun = 0
        self.most_allowed = 0.0

    @property
    def bucket(self) -> Any:
        return self

    def listed(self, _: str) -> list[Listed]:
        return self.things

    def kept_content(self, _: Listed) -> None:
        return None

    def content(self, each: Listed) -> bytes:
        with self.lock:
            self.begun += each.size
            self.most_allowed = max(self.most_allowed, allowed(1000))
        return bytes(1)


def entries(cache: Counting) -> list[Entry]:
    return [Entry(each.name, None, "a", each.size, 0) for each in cache.things]


@pytest.mark.parametrize(
    ("size", "count", "least", "most"),
    [(1 << 28, 6, 1, 2), (100 << 20, 12, 2, 3), (1000, 200, 30, 40)],
)
def test_what_is_fetched_ahead_is_bound_by_bytes(size: int, count: int, least: int, most: int) -> None:
    """With the one that is in the reader's hands."""
    cache = Counting([size] * count)
    reading = BucketFiles(cache, "s3://bucket").contents(entries(cache))
    ahead = []
    for done, _ in enumerate(reading):
        time.sleep(0.02)
        ahead.append(cache.begun // size - done)
    assert least <= max(ahead) <= most
    assert cache.begun == size * count


def test_the_door_is_where_the_threads_are_too() -> None:
    cache = Counting([10] * 5)
    with at_the_door():
        assert len(list(BucketFiles(cache, "s3://bucket").contents(entries(cache)))) == 5
    assert cache.most_allowed == DOOR_SECONDS


def test_a_failure_is_the_reader_s(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Counting([10] * 100)

    def failing(each: Listed) -> bytes:
        if each.name == "a/3.png":
            raise DataError("it has changed")
        return b""

    monkeypatch.setattr(cache, "content", failing)
    with pytest.raises(DataError, match="it has changed"):
        list(BucketFiles(cache, "s3://bucket").contents(entries(cache)))


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "a//evil.png", "/evil.png", "a/./evil.png", ".."])
def test_a_name_that_is_no_path_is_refused_by_name(name: str) -> None:
    cache = Counting([])
    address = parse("s3://bucket/some/photos?endpoint=http://127.0.0.1:9", {})
    cache.address = address
    cache.things = [Listed("some/photos/a/1.png", 1, "e"), Listed(f"some/photos/{name}", 1, "e")]
    with pytest.raises(DataError) as caught:
        _ = BucketFiles(cache, "s3://bucket/some/photos").tree
    assert f"the name 'some/photos/{name}' in bucket 'bucket' is no path" in str(caught.value)


def test_a_name_elsewhere_is_refused_too() -> None:
    cache = Counting([])
    cache.address = parse("s3://bucket/some/photos?endpoint=http://127.0.0.1:9", {})
    cache.things = [Listed("other/a/1.png", 1, "e")]
    with pytest.raises(DataError, match=r"'other/a/1\.png' in bucket"):
        _ = BucketFiles(cache, "s3://bucket/some/photos").listed


def test_a_single_file(minio_url: str, minio_client: Path) -> None:
    address: Address = parse(minio_url)
    cache = BucketCache(address)
    with pytest.raises(DataError, match=r"data\.source: there is no file s3://here; correct the URL"):
        only(cache, "s3://here")
    for name in (address.prefix, f"{address.prefix}.more", f"{address.prefix}/below"):
        cache.bucket.put(name, name.encode())
        if name == address.prefix:
            assert kept_file(cache, "s3://here").read_bytes() == name.encode()
            cache.bucket.delete(name)
    with pytest.raises(DataError, match="there is no file"):
        only(cache, "s3://here")


@contextmanager
def silent_bucket() -> Iterator[tuple[str, threading.Event]]:
    """A server that lists files and then gives none; the event tells that it was asked for one."""
    asked = threading.Event()
    over = threading.Event()
    names = "".join(
        f"<Contents><Key>{name}/{n}.png</Key><Size>500</Size><ETag>e</ETag></Contents>"
        for name in ("cat", "dog")
        for n in range(50)
    )

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "list-type" not in self.path:
                asked.set()
                over.wait()
                return
            content = f"<ListBucketResult>{names}</ListBucketResult>".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"s3://bucket?endpoint=http://127.0.0.1:{server.server_port}", asked
        over.set()
        server.shutdown()


READER = """
import sys
from pathlib import Path
from nasflow.config import DataConfig
from nasflow.data.opening import open_source
try:
    list(open_source(DataConfig(source=sys.argv[1]), Path()).samples())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_who_presses_ctrl_c_waits_for_no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "NASFLOW_CACHE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with silent_bucket() as (url, asked):
        command = [sys.executable, "-c", READER, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
            assert asked.wait(60)
            time.sleep(0.5)
            began = time.monotonic()
            reader.send_signal(signal.SIGINT)
            output, errors = reader.communicate(timeout=60)
            assert time.monotonic() - began < 30  # of 120 seconds that a server has
    assert (output, reader.returncode) == ("interrupted\n", 0), errors


def test_headers_are_those_of_images(minio_url: str, minio_client: Path) -> None:
    address = parse(minio_url)
    cache = BucketCache(address)
    cache.bucket.put(address.named("a/1.png"), b"no image")
    files = BucketFiles(cache, minio_url)
    (name,) = files.listed
    assert files.headers([Entry(name, None, "a", 8, 0)]) == []
    assert files.wanted()
    assert bucket_files.THREADS > 1
