"""The store in a bucket of a real MinIO server."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nasflow.errors import ConfigError, IntegrityError, StorageError
from nasflow.storage import check_url, open_store
from nasflow.storage.s3 import bucket as buckets
from nasflow.storage.s3.store import S3Store
from nasflow.testing.servers import MinioServer
from nasflow.testing.stores import StoreContract


@pytest.fixture(autouse=True)
def cache(minio_client: Path) -> Path:
    return minio_client


@pytest.fixture
def url(minio_url: str) -> str:
    return minio_url


class TestS3Store(StoreContract):
    @pytest.fixture
    def url(self, minio_url: str) -> str:
        return minio_url


class TestWithoutPrefix(StoreContract):
    KILLS = 1

    @pytest.fixture
    def url(self, minio_url: str) -> str:
        return minio_url.replace("/deep/place", "")


def test_an_altered_object_is_named(url: str) -> None:
    store = S3Store(url)
    store.put("k", b"content")
    there = store._bucket.get("deep/place/k")
    assert there is not None
    beside = {"x-amz-meta-sha256": there.checksum or ""}  # of what was there
    store._bucket._server.ask("PUT", "deep/place/k", body=b"Content", headers=beside)
    with pytest.raises(IntegrityError, match=r"'deep/place/k' of bucket '.*' was cut or altered \(7 bytes\)"):
        store.get("k")


def test_what_somebody_else_wrote_is_refused(url: str) -> None:
    store = S3Store(url)
    store._bucket._server.ask("PUT", "deep/place/k", body=b"foreign")
    with pytest.raises(IntegrityError, match=r"'k' in .* has no checksum, so nasflow did not write it"):
        store.get("k")


class TestOutage:
    def test_it_waits_for_a_server_that_comes_back(self, own_minio: MinioServer) -> None:
        store = open_store(own_minio.url("bucket", "p"))
        store.put("k", b"before")
        own_minio.kill()
        back = threading.Timer(3.0, own_minio.start)
        back.start()
        began = time.monotonic()
        assert store.get("k") == b"before"
        assert time.monotonic() - began > 2.5
        assert store.replace("k", b"before", b"after")
        assert store.put_if_absent("new", b"x")
        back.join()

    def test_it_gives_up_after_the_time_it_states(self, own_minio: MinioServer) -> None:
        store = open_store(own_minio.url("bucket", "p", patience="2"))
        store.put("k", b"before")
        own_minio.kill()
        for attempt in (lambda: store.get("k"), lambda: store.put("k", b""), lambda: list(store.keys(""))):
            began = time.monotonic()
            with pytest.raises(
                StorageError,
                match=rf"S3 server {own_minio.endpoint} could not be used for 2 seconds \(nothing answers there\); ",
            ):
                attempt()
            assert time.monotonic() - began < 4

    def test_at_the_door_an_outage_costs_its_seconds_once(
        self, own_minio: MinioServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing more is asked of a server that has gone away meanwhile."""
        monkeypatch.setattr("nasflow.storage.patience.DOOR_SECONDS", 2.0)
        real = buckets.Bucket.put

        def put(self: buckets.Bucket, name: str, content: bytes) -> None:
            real(self, name, content)
            own_minio.kill()

        monkeypatch.setattr(buckets.Bucket, "put", put)
        began = time.monotonic()
        with pytest.raises(ConfigError, match=r"could not be used for 2 seconds"):
            check_url(own_minio.url("bucket", "p"))
        assert time.monotonic() - began < 4.5


class TestRefusals:
    def check(self, url: str) -> str:
        with pytest.raises(ConfigError) as caught:
            check_url(url)
        (problem,) = caught.value.problems
        return problem

    def test_a_bucket_that_is_not_there(self, minio: MinioServer) -> None:
        url = minio.url("gone", "p")
        (minio.folder / "gone").rmdir()
        assert self.check(url) == (
            f"storage.url: the bucket 'gone' of {minio.endpoint} cannot be used: it does not exist; make it first, or "
            "correct the URL."
        )

    def test_a_wrong_secret(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-and-recognisable")
        told = self.check(url)
        assert "the secret key is not that of the access key; set AWS_ACCESS_KEY_ID" in told
        assert "recognisable" not in told

    def test_an_unknown_key(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        assert "it does not know the access key; set" in self.check(url)

    def test_no_credentials(self, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert "there are no credentials for the S3 server" in self.check(url)

    def test_nothing_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nasflow.storage.patience.DOOR_SECONDS", 0.5)
        told = self.check("s3://bucket/p?endpoint=http://127.0.0.1:9")
        assert "could not be used for 0.5 seconds (nothing answers there)" in told

    def test_a_name_that_is_not_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nasflow.storage.patience.DOOR_SECONDS", 0.5)
        assert "(its name is not known)" in self.check("s3://bucket/p?endpoint=http://no-such-host.invalid:9")

    def test_a_good_one_leaves_nothing(self, url: str, minio: MinioServer) -> None:
        check_url(url)
        assert list(open_store(url).keys("")) == []
        assert list(minio.folder.rglob("*probe*")) == []

    def test_one_without_conditional_writes(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def unconditional(self: buckets.Bucket, name: str, content: bytes, *, etag: str | None) -> bool:
            self.put(name, content)
            return True

        monkeypatch.setattr(buckets.Bucket, "put_where", unconditional)
        assert "knows no conditional writes (If-None-Match)" in self.check(url)


class TestOtherServers:
    """What stands in the server's place, as an ingress does while it starts, is no empty store and keeps nothing."""

    @pytest.fixture(params=["404 html", "200 html", "200 bytes", "500 bytes"])
    def impostor(self, request: pytest.FixtureRequest) -> Iterator[str]:
        status, _, kind = request.param.partition(" ")
        body = b"<html>default backend</html>" if kind == "html" else random.Random(1).randbytes(10_000)

        class Answers(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(int(status))
                self.send_header("Content-Type", "text/html" if kind == "html" else "application/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_DELETE = answer  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"s3://bucket/p?endpoint=http://127.0.0.1:{server.server_port}&patience=1"
            server.shutdown()

    def test_nothing_counts_as_written_or_absent(self, impostor: str) -> None:
        store = open_store(impostor)
        for attempt in (
            lambda: store.put("k", b"x"),
            lambda: store.put_if_absent("k", b"x"),
            lambda: store.get("k"),
            lambda: list(store.keys("")),
        ):
            with pytest.raises(StorageError) as caught:
                attempt()
            assert "\n" not in str(caught.value)
        with pytest.raises(ConfigError):
            check_url(impostor)


@pytest.mark.parametrize("url", ["s3://a..b", "s3://1.2.3.4", "s3://bucket?endpoint=http://h:99999"])
def test_what_the_client_refuses_is_one_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match="s3:// URL"):
        check_url(url if "endpoint" in url else f"{url}?endpoint=http://127.0.0.1:9")


def test_https_with_an_authority_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the authority's certificate the server is not spoken to."""
    certificates = tmp_path / "certs"
    certificates.mkdir()
    key, certificate = str(certificates / "private.key"), str(certificates / "public.crt")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
    made = subprocess.run([*command.split(), "-keyout", key, "-out", certificate], capture_output=True)
    assert made.returncode == 0, made.stderr
    server = MinioServer(tmp_path / "secure", certificates)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.start()
    try:
        store = open_store(server.url("bucket", "p", ca=certificate))
        store.put("k", b"sealed")
        assert store.get("k") == b"sealed"
        with pytest.raises(StorageError, match=rf"the certificate of {server.endpoint} is not trusted; name the file"):
            open_store(server.url("bucket", "p")).get("k")
        monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
        assert open_store(server.url("bucket", "p")).get("k") == b"sealed"
    finally:
        server.kill()


def test_working_files_are_in_the_cache(url: str, cache: Path) -> None:
    folder = open_store(url).local_folder()
    assert folder.parent == cache / "stores"
    assert open_store(f"{url}&patience=3").local_folder() == folder
    assert open_store(url.replace("deep/place", "deep/other")).local_folder() != folder
