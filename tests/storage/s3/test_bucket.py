"""What is in a bucket of a real MinIO server, by way of a proxy that loses answers or changes them."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nasflow.errors import StorageError
from nasflow.storage.patience import at_most
from nasflow.storage.s3 import bucket as buckets
from nasflow.storage.s3.address import parse
from nasflow.storage.s3.bucket import Bucket, Listed

PART = 5 * 2**20
LARGE = bytes(range(256)) * 50_000
"""12.8 MB: three parts of the smallest size that a server takes."""

Forward = Callable[[], Any]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "PART_BYTES", PART)


@pytest.fixture
def bucket(proxied_url: str) -> Bucket:
    return Bucket(parse(proxied_url))


def listed(bucket: Bucket, prefix: str = "") -> list[str]:
    return [each.name for each in bucket.listed(prefix)]


def test_what_is_put_is_got_with_what_is_kept_beside_it(bucket: Bucket, proxy: Any) -> None:
    bucket.put("a/b", b"content")
    thing = bucket.get("a/b")
    assert thing is not None
    assert (thing.content, thing.checksum) == (b"content", hashlib.sha256(b"content").hexdigest())
    assert thing.write
    assert bucket.get("a/c") is None
    bucket.delete("a/b")
    assert bucket.get("a/b") is None
    for seen in proxy.seen:
        assert "?" not in seen.target
        assert set(seen.headers) >= {"Authorization", "x-amz-content-sha256", "x-amz-date"}


def test_large_content_goes_in_parts(bucket: Bucket, proxy: Any) -> None:
    bucket.put("large", LARGE)
    assert proxy.methods() == ["POST", "PUT", "PUT", "PUT", "POST"]
    thing = bucket.get("large")
    assert thing is not None
    assert thing.content == LARGE
    assert thing.checksum == hashlib.sha256(LARGE).hexdigest()
    assert bucket.put_where("large", b"small", etag=thing.etag)
    assert not bucket.put_where("large", b"other", etag=thing.etag)


def test_more_names_than_a_server_lists_at_once(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, proxy: Any) -> None:
    monkeypatch.setattr(buckets, "_PAGE", 7)
    names = [f"many/{number:02}" for number in range(22)]
    for name in names:
        bucket.put(name, b"")
    proxy.seen.clear()
    assert listed(bucket, "many/") == names
    assert len(proxy.seen) == 4
    assert listed(bucket, "many/1") == names[10:20]
    assert listed(bucket, "none/") == []


def test_names_of_any_letters_are_listed_as_they_are(bucket: Bucket) -> None:
    for name in ("a b+c/d%2F&e=ä.png", "<x>/y", "z"):
        bucket.put(name, name.encode())
    found = list(bucket.listed(""))
    assert [each.name for each in found] == ["<x>/y", "a b+c/d%2F&e=ä.png", "z"]
    for each in found:
        assert bucket.read(each.name, each.etag, 0, each.size) == each.name.encode()


def test_what_somebody_packed_is_read_as_it_is_listed(bucket: Bucket) -> None:
    content = gzip.compress(b"x" * 1000)
    bucket._server.ask("PUT", "packed", body=content, headers={"Content-Encoding": "gzip"})
    (each,) = bucket.listed("packed")
    assert bucket.read("packed", each.etag, 0, each.size) == content


class TestLostAnswers:
    """The server has done it; the second attempt finds its condition gone."""

    def test_a_conditional_write_counts(self, bucket: Bucket, proxy: Any) -> None:
        proxy.lose("PUT")
        assert bucket.put_where("k", b"mine", etag=None)
        there = bucket.get("k")
        assert there is not None
        proxy.lose("PUT")
        assert bucket.put_where("k", b"new", etag=there.etag)
        proxy.lose("PUT")
        assert not bucket.put_where("k", b"later", etag=None)
        again = bucket.get("k")
        assert again is not None
        assert again.content == b"new"

    def test_it_does_not_where_somebody_has_written_since(self, bucket: Bucket, proxy: Any, minio_url: str) -> None:
        other = Bucket(parse(minio_url))
        proxy.lose("PUT")
        lost = proxy.answer

        def overtaken(seen: Any, forward: Forward) -> Any:
            reply = lost(seen, forward)
            if reply is None:
                other.put("k", b"theirs")
            return reply

        proxy.answer = overtaken
        assert not bucket.put_where("k", b"mine", etag=None)
        there = bucket.get("k")
        assert there is not None
        assert there.content == b"theirs"

    @pytest.mark.parametrize("lost", [["POST"], ["PUT"], ["POST", "POST"]], ids=["begin", "part", "begin and end"])
    def test_large_content_is_there_whole(self, lost: list[str], bucket: Bucket, proxy: Any) -> None:
        """Where the answer to the end is lost, the upload is not known any more, and the object is there."""
        proxy.lose(*lost)
        bucket.put("large", LARGE)
        there = bucket.get("large")
        assert there is not None
        assert there.content == LARGE


class TestParts:
    def test_a_server_that_forgets_them_gets_them_anew(self, bucket: Bucket, proxy: Any, reply: Any) -> None:
        forgotten = reply(404, {}, b"<Error><Code>NoSuchUpload</Code></Error>")
        left = [forgotten]

        def forgets(seen: Any, forward: Forward) -> Any:
            return left.pop() if left and "partNumber=2" in seen.target else forward()

        proxy.answer = forgets
        bucket.put("large", LARGE)
        there = bucket.get("large")
        assert there is not None
        assert there.content == LARGE
        proxy.answer = lambda seen, forward: forgotten if "partNumber" in seen.target else forward()
        with pytest.raises(StorageError, match="has forgotten 3 times the parts that it was sent of 'other'"):
            bucket.put("other", LARGE)
        assert bucket.get("other") is None

    def test_what_cannot_be_finished_is_cleared_away(self, bucket: Bucket, proxy: Any, reply: Any) -> None:
        full = reply(507, {}, b"<Error><Code>XMinioStorageFull</Code></Error>")
        proxy.answer = lambda seen, forward: full if "partNumber=2" in seen.target else forward()
        with pytest.raises(StorageError, match="the server's disks are full"):
            bucket.put("large", LARGE)
        assert proxy.methods()[-1] == "DELETE"
        assert "uploadId=" in proxy.seen[-1].target

    def test_an_end_that_begins_well_and_fails_is_tried_again(self, bucket: Bucket, proxy: Any, reply: Any) -> None:
        """S3 sends status 200 at once, and what comes of it later."""
        left = [reply(200, {}, b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>")]

        def answer(seen: Any, forward: Forward) -> Any:
            ends = seen.method == "POST" and "uploadId" in seen.target
            return left.pop() if ends and left else forward()

        proxy.answer = answer
        bucket.put("large", LARGE)
        assert not left
        assert bucket.get("large") is not None


class TestReading:
    @pytest.fixture
    def there(self, bucket: Bucket) -> Listed:
        bucket.put("k", bytes(range(100)))
        (each,) = bucket.listed("")
        return each

    def test_a_part_of_what_was_listed(self, bucket: Bucket, there: Listed, proxy: Any) -> None:
        assert bucket.read("k", there.etag, 10, 5) == bytes(range(10, 15))
        assert bucket.read("k", there.etag, 90, 50) == bytes(range(90, 100))
        assert proxy.seen[-1].headers["If-Match"] == f'"{there.etag}"'
        assert '"' not in there.etag
        bucket.put("k", b"changed")
        assert bucket.read("k", there.etag, 0, 5) is None
        bucket.delete("k")
        assert bucket.read("k", there.etag, 0, 5) is None

    def test_a_server_that_gives_the_whole_instead(self, bucket: Bucket, there: Listed, proxy: Any) -> None:
        def whole(seen: Any, forward: Forward) -> Any:
            reply = forward()
            reply.status, reply.content = 200, bytes(range(100))
            return reply

        proxy.answer = whole
        assert bucket.read("k", there.etag, 10, 5) == bytes(range(10, 15))

    def test_a_server_that_knows_no_condition(self, bucket: Bucket, there: Listed, proxy: Any) -> None:
        def other(seen: Any, forward: Forward) -> Any:
            reply = forward()
            reply.headers = {"ETag": '"another"'}
            return reply

        proxy.answer = other
        assert bucket.read("k", there.etag, 10, 5) is None

    @pytest.mark.parametrize("written", ["{}", '"{}"', 'W/"{}"'])
    def test_etags_are_the_same_however_they_are_written(
        self, written: str, bucket: Bucket, there: Listed, proxy: Any
    ) -> None:
        def otherwise(seen: Any, forward: Forward) -> Any:
            reply = forward()
            reply.headers = {**reply.headers, "ETag": written.format(there.etag)}
            return reply

        proxy.answer = otherwise
        assert bucket.read("k", there.etag, 0, 5) == bytes(range(5))
        thing = bucket.get("k")
        assert thing is not None
        assert thing.etag == there.etag
        assert bucket.put_where("k", b"new", etag=thing.etag)


class TestLists:
    URL = "s3://bucket/p?endpoint={}&patience=1"

    @pytest.fixture
    def faked(self, fake: Any, monkeypatch: pytest.MonkeyPatch) -> Bucket:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        return Bucket(parse(self.URL.format(fake.endpoint)))

    def test_the_names_are_not_always_packed_and_pages_may_be_short(self, faked: Bucket, fake: Any, reply: Any) -> None:
        def page(seen: Any, _: Forward) -> Any:
            last = "start-after=a" in seen.target
            name, more = ("b%20c", "false") if last else ("a", "true")
            entry = f"<Contents><Key>{name}</Key><Size>3</Size><ETag>x{name}</ETag></Contents>"
            return reply(
                200, {}, f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{entry}</ListBucketResult>".encode()
            )

        fake.answer = page
        assert list(faked.listed("")) == [Listed("a", 3, "xa"), Listed("b%20c", 3, "xb%20c")]

    @pytest.mark.parametrize(
        "content",
        [
            b"<html>ListBucketResult</html",
            b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            b"<ListBucketResult><Contents><Key>k</Key><Size>many</Size></Contents></ListBucketResult>",
            b"<html/>",
            b"",
        ],
    )
    def test_what_is_no_list_is_not_taken_for_an_empty_one(
        self, content: bytes, faked: Bucket, fake: Any, reply: Any
    ) -> None:
        fake.answer = lambda *_: reply(200, {}, content)
        with pytest.raises(StorageError, match="does not answer as an S3 server does") as caught:
            list(faked.listed(""))
        assert "\n" not in str(caught.value)


def test_a_write_without_condition_that_is_refused_is_not_taken_for_done(
    bucket: Bucket, proxy: Any, reply: Any
) -> None:
    proxy.answer = lambda seen, forward: reply(412) if seen.method == "PUT" else forward()
    with pytest.raises(StorageError, match="does not replace 'k'"):
        bucket.put("k", b"x")


def test_several_threads_at_one_bucket(bucket: Bucket) -> None:
    def work(number: int) -> None:
        for turn in range(5):
            bucket.put(f"{number}/{turn}", b"%d" % number)
            there = bucket.get(f"{number}/{turn}")
            assert there is not None
            results.append(there.content == b"%d" % number)

    results: list[bool] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40
    with at_most(30):
        assert len(listed(bucket)) == 40
