"""Requests to the server of a bucket: how they are signed, how long they last, and what they never tell."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tenacity
from minio.credentials.providers import AssumeRoleProvider

from nasflow.errors import StorageError
from nasflow.storage.patience import at_most, at_the_door, in_background
from nasflow.storage.s3 import server as servers
from nasflow.storage.s3.address import parse
from nasflow.storage.s3.credentials import MOUNTED
from nasflow.storage.s3.server import Server
from nasflow.testing.servers import MinioServer

Forward = Callable[[], Any]


@pytest.fixture
def server(proxied_url: str) -> Server:
    return Server(parse(proxied_url))


@pytest.fixture
def session(minio: MinioServer, minio_client: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Credentials of a session in the environment."""
    giver = AssumeRoleProvider(
        sts_endpoint=minio.endpoint,
        access_key=minio.environment["AWS_ACCESS_KEY_ID"],
        secret_key=minio.environment["AWS_SECRET_ACCESS_KEY"],
        region="us-east-1",
    )
    patient = tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.5), reraise=True)
    given = patient(giver.retrieve)  # the part of a server that gives sessions starts later than the others
    assert given.session_token
    variables = {
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret_key,
        "AWS_SESSION_TOKEN": given.session_token,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_no_address_has_what_is_secret_or_kept_beside(
    session: dict[str, str], server: Server, proxy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Addresses are in the logs of servers, of proxies, and of urllib3."""
    caplog.set_level(logging.DEBUG)
    server.ask("PUT", "some/name", body=b"x", headers={"x-amz-meta-sha256": "beside"})
    answer = server.ask("GET", "some/name")
    assert answer is not None
    assert answer.headers["x-amz-meta-sha256"] == "beside"
    server.ask("GET", query={"list-type": "2", "prefix": "some/"}, proof="ListBucketResult")
    targets = [seen.target for seen in proxy.seen]
    bucket = server.address.bucket
    assert targets == [f"/{bucket}/some/name"] * 2 + [f"/{bucket}?list-type=2&prefix=some%2F"]
    for seen in proxy.seen:
        assert seen.headers["x-amz-security-token"] == session["AWS_SESSION_TOKEN"]
        signed = seen.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        assert {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} <= set(signed)
    assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records}
    for value in (*session.values(), "beside", "Signature"):
        assert value not in caplog.text


def test_no_failure_tells_a_secret(
    proxied_url: str, proxy: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    answers: list[Callable[[Any, Forward], Any]] = [
        lambda seen, forward: forward(),  # of MinIO, to a key that it does not know
        lambda *_: None,
        lambda *_: reply(503, {}, b"<Error><Code>SlowDown</Code></Error>"),
        lambda *_: reply(403, {}, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        lambda *_: reply(200, {}, b"no S3"),
        lambda *_: reply(301, {"Location": "http://127.0.0.1:9/elsewhere"}, b""),
    ]
    secret = {name: f"recognisable-{name[-4:]}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    for name, value in {**secret, "AWS_SESSION_TOKEN": "recognisable-token"}.items():
        monkeypatch.setenv(name, value)
    server = Server(parse(f"{proxied_url}&patience=1"))
    for answer in answers:
        proxy.answer = answer
        with pytest.raises(StorageError) as caught:
            server.ask("PUT", "k", body=b"x")
        error: BaseException | None = caught.value
        while error is not None:
            told += [str(error), repr(error), repr(error.args)]
            error = error.__cause__ or error.__context__
    text = "\n".join([*told, caplog.text, repr(server), repr(server.__dict__)])
    assert "recognisable" not in text


def test_the_time_is_stated_and_holds(proxied_url: str, proxy: Any, minio: MinioServer) -> None:
    """A server that takes a request and says nothing, and one that answers too late."""
    server = Server(parse(f"{proxied_url}&patience=2"))
    for seconds in (30, 0.9):
        proxy.answer = lambda seen, forward, seconds=seconds: time.sleep(seconds)
        began = time.monotonic()
        with pytest.raises(StorageError, match=r"could not be used for 2 seconds \("):
            server.ask("GET", "k")
        assert time.monotonic() - began < 3.5


def test_at_the_door_it_is_less_in_threads_too(server: Server, proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasflow.storage.patience.DOOR_SECONDS", 1.0)
    proxy.answer = lambda *_: time.sleep(30)
    began = time.monotonic()
    with at_the_door():
        asked = in_background(lambda: server.ask("GET", "k"))
        with pytest.raises(StorageError, match="could not be used for 1 seconds"):
            server.ask("GET", "k")
    with pytest.raises(StorageError, match="could not be used for 1 seconds"):
        asked.result(5)
    assert time.monotonic() - began < 3


def test_one_attempt_does_not_take_all_the_time(server: Server, proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "ATTEMPT_SECONDS", 0.5)
    proxy.answer = lambda seen, forward: time.sleep(10) if len(proxy.seen) == 1 else forward()
    began = time.monotonic()
    assert server.ask("GET", "k") is None
    assert len(proxy.seen) == 2
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, ""), (409, "OperationAborted"), (404, "")])
def test_what_passes_is_asked_again(status: int, code: str, server: Server, proxy: Any, reply: Any) -> None:
    content = f"<Error><Code>{code}</Code></Error>".encode() if code else b"<html/>"
    proxy.answer = lambda seen, forward: reply(status, {}, content) if len(proxy.seen) < 3 else forward()
    assert server.ask("GET", "k") is None
    assert len(proxy.seen) == 3


def test_what_stays_is_not(server: Server, proxy: Any, reply: Any) -> None:
    proxy.answer = lambda *_: reply(403, {}, b"<Error><Code>Odd</Code></Error>")
    with pytest.raises(StorageError, match="its credentials may not do that"):
        server.ask("GET", "k")
    assert len(proxy.seen) == 1


def test_the_name_may_be_part_of_the_host(
    fake: Any, reply: Any, minio_client: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.answer = lambda *_: reply(200, {"ETag": '"e"'}, b"content")
    monkeypatch.setattr("socket.getaddrinfo", _here)
    port = fake.endpoint.rpartition(":")[2]
    server = Server(parse(f"s3://bucket/p?endpoint=http://minio.test:{port}&style=virtual"))
    assert server.ask("GET", "a/b") is not None
    assert fake.seen[-1].target == "/a/b"
    assert fake.seen[-1].headers["Host"] == f"bucket.minio.test:{port}"


def _here(host: str, port: int, *_: object) -> list[Any]:
    import socket

    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def test_credentials_are_read_for_each_request(
    server: Server, minio: MinioServer, proxied_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "accesskey").write_text(f"{minio.environment['AWS_ACCESS_KEY_ID']}\n")
    (tmp_path / "secretkey").write_text("not-yet\n")
    monkeypatch.setenv(MOUNTED, str(tmp_path))
    mounted = Server(parse(proxied_url))
    with pytest.raises(StorageError, match="the secret key is not that of the access key"):
        mounted.ask("GET", "k")
    (tmp_path / "secretkey").write_text(f"{minio.environment['AWS_SECRET_ACCESS_KEY']}\r\n")
    assert mounted.ask("GET", "k") is None
    assert server.ask("GET", "k") is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(StorageError, match="does not know the access key"):
        server.ask("GET", "k")


def test_a_forked_process_has_connections_of_its_own(server: Server, proxy: Any) -> None:
    assert server.ask("GET", "k") is None
    assert server.ask("GET", "k") is None
    assert proxy.seen[0].connection == proxy.seen[1].connection
    child = os.fork()
    if child == 0:
        with at_most(20):
            os._exit(0 if server.ask("GET", "k") is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert server.ask("GET", "k") is None
    one, _, forked, again = (seen.connection for seen in proxy.seen)
    assert forked != one
    assert again == one


@pytest.mark.parametrize("problem", ["region=a%0Ab", "region=%20"])
def test_a_region_that_none_is(problem: str, minio_client: Path) -> None:
    with pytest.raises(StorageError, match="the s3:// URL cannot be used: invalid region") as caught:
        Server(parse(f"s3://bucket?endpoint=http://127.0.0.1:9&{problem}"))
    assert "Traceback" not in str(caught.value)
