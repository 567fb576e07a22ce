from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from nasflow.errors import StorageError
from nasflow.storage.s3.address import parse
from nasflow.storage.s3.credentials import MOUNTED, FalteringError, Identity, MountedSecret, identity_for
from nasflow.storage.s3.server import Server

MINIO = parse("s3://bucket?endpoint=http://127.0.0.1:1", {})
VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN"),
    *("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", MOUNTED),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL_STS", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
)


@pytest.fixture(autouse=True)
def blank(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def found() -> tuple[str, str, str | None]:
    credentials = identity_for(MINIO).credentials()
    return credentials.access_key, credentials.secret_key, credentials.session_token


def test_the_first_that_is_there_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no credentials for the S3 server http://127\.0\.0\.1:1; set AWS_ACCESS"):
        found()
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id=p1\naws_secret_access_key=p2\n[other]\naws_access_key_id=o1\n"
        "aws_secret_access_key=o2\n"
    )
    assert found() == ("p1", "p2", None)
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert found() == ("o1", "o2", None)
    monkeypatch.setenv("MINIO_ACCESS_KEY", "m1")
    monkeypatch.setenv("MINIO_SECRET_KEY", "m2")
    assert found() == ("m1", "m2", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "e1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "e2")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "e3")
    assert found() == ("e1", "e2", "e3")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "accesskey").write_text("s1\n")
    (tmp_path / "secret" / "secretkey").write_text("s2")
    monkeypatch.setenv(MOUNTED, str(tmp_path / "secret"))
    assert found() == ("s1", "s2", None)


def test_a_rotated_secret_is_followed(tmp_path: Path) -> None:
    secret = MountedSecret(tmp_path)
    (tmp_path / "AWS_ACCESS_KEY_ID").write_text("old")
    (tmp_path / "AWS_SECRET_ACCESS_KEY").write_text("x")
    assert secret.retrieve().access_key == "old"
    (tmp_path / "AWS_ACCESS_KEY_ID").write_text("new")
    assert secret.retrieve().access_key == "new"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({MOUNTED: "/no/such"}, "the folder '/no/such' .* has no files accesskey and secretkey"),
        ({"AWS_ACCESS_KEY_ID": "only"}, "AWS_ACCESS_KEY_ID cannot be used for an S3 server; set AWS_ACCESS_KEY_ID and"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such"}, "the pod's identity cannot be used"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    variables: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match=sentence):
        found()


def test_who_has_no_home_has_no_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a user that is a mere number, in a container whose environment has no HOME."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 987_654_321)
    with pytest.raises(StorageError, match="there are no credentials for the S3 server"):
        found()
    (tmp_path / "profile").write_text("[default]\naws_access_key_id=p1\naws_secret_access_key=p2\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "profile"))
    assert found() == ("p1", "p2", None)


class TestOddCharacters:
    NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

    @pytest.fixture(autouse=True)
    def given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in self.NAMES:
            monkeypatch.setenv(name, f"recognisable{name[-3:]}")

    @pytest.mark.parametrize("end", ["\n", "\r\n", " \n\n"])
    def test_the_line_break_at_the_end_is_left_out(self, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in self.NAMES:
            monkeypatch.setenv(name, f"recognisable{name[-3:]}{end}")
        assert found() == ("recognisable_ID", "recognisableKEY", "recognisableKEN")

    @pytest.mark.parametrize("odd", ["a\nrecognisable", "a\r\nX-Evil: recognisable", "recognisable\x7f", "\x1brecogni"])
    @pytest.mark.parametrize("name", NAMES)
    def test_others_are_refused_and_not_shown(self, name: str, odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, odd + "able")
        with pytest.raises(StorageError, match=r"the (access|secret|session) (key|token) of AWS_") as caught:
            found()
        assert "recogni" not in str(caught.value)
        assert "\n" not in str(caught.value)
        server = Server(MINIO)
        with pytest.raises(StorageError, match="set it again without that") as caught:
            server.ask("GET", "k")
        assert "recogni" not in repr(caught.value)

    def test_only_what_is_sent_has_to_be_plain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ä long phrase")
        assert found()[1] == "ä long phrase"
        for odd in ("ä", "a b", "\udcff"):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", odd)
            with pytest.raises(StorageError, match="the access key of AWS_ACCESS_KEY_ID is empty or has a character"):
                found()

    def test_they_are_not_shown_where_objects_are_printed(self) -> None:
        identity = identity_for(MINIO)
        assert "recognisable" not in f"{identity!r} {identity.credentials()!r} {identity.credentials()!s}"


class TestOfThePod:
    """A service on this machine stands for the one that gives credentials to pods."""

    @pytest.fixture
    def service(self, fake: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{fake.endpoint}/creds")
        return fake

    def given(self, seconds: int = 3600) -> bytes:
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return json.dumps(
            {"AccessKeyId": "k", "SecretAccessKey": "recognisable", "Token": "recognisable", "Expiration": until}
        ).encode()

    def test_they_are_kept_until_they_expire(self, service: Any, reply: Any) -> None:
        service.answer = lambda *_: reply(200, {}, self.given())
        identity = identity_for(MINIO)
        for _ in range(3):
            assert identity.credentials().session_token == "recognisable"
        assert len(service.seen) == 1
        service.answer = lambda *_: reply(200, {}, self.given(seconds=5))
        identity = identity_for(MINIO)
        for _ in range(3):
            identity.credentials()
        assert len(service.seen) == 4

    @pytest.mark.parametrize("status", [404, 429, 500, 503, None])
    def test_a_hiccup_is_waited_for(self, status: int | None, service: Any, reply: Any) -> None:
        """The S3 server that is asked then is no server, so the first sentence is of the credentials."""
        answers = [reply(status) if status else None] * 2

        def answer(*_: object) -> Any:
            return answers.pop() if answers else reply(200, {}, self.given())

        service.answer = answer
        with pytest.raises(FalteringError, match=str(status or "the pod's identity was not given: of its service")):
            identity_for(MINIO).credentials()
        server = Server(parse(f"s3://bucket?endpoint={service.endpoint}&patience=20", {}))
        counted: list[Callable[[], Any]] = [lambda: reply(200, {}, b"content")]
        service.answer = lambda seen, _: answer() if seen.target == "/creds" else counted[0]()
        got = server.ask("GET", "k")
        assert got is not None
        assert got.data == b"content"
        assert [seen.target for seen in service.seen] == ["/creds"] * 3 + ["/bucket/k"]

    def test_it_ends_in_the_time_that_is_stated(self, service: Any) -> None:
        service.answer = lambda *_: time.sleep(20)
        server = Server(parse(f"s3://bucket?endpoint={service.endpoint}&patience=1", {}))
        began = time.monotonic()
        with pytest.raises(StorageError, match=r"could not be used for 1 seconds \(the pod's identity was not given"):
            server.ask("GET", "k")
        assert time.monotonic() - began < 3

    def test_a_refusal_is_one_sentence_at_once(self, service: Any, reply: Any) -> None:
        service.answer = lambda *_: reply(403, {}, b"recognisable")
        server = Server(parse(f"s3://bucket?endpoint={service.endpoint}", {}))
        with pytest.raises(StorageError, match=r"refuses them \(403\); check the role of the pod's service account"):
            server.ask("GET", "k")
        assert len(service.seen) == 1
        service.answer = lambda *_: reply(200, {}, b"recognisable, but no JSON")
        with pytest.raises(StorageError, match="the pod's identity cannot be used for an S3 server") as caught:
            server.ask("GET", "k")
        assert "recognisable" not in str(caught.value)

    def test_of_many_threads_one_asks(self, service: Any, reply: Any) -> None:
        def slow(*_: object) -> Any:
            time.sleep(0.3)
            return reply(200, {}, self.given())

        service.answer = slow
        identity = identity_for(MINIO)
        threads = [threading.Thread(target=identity.credentials) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(service.seen) == 1

    def test_a_token_is_in_no_address(
        self, fake: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """STS takes it in the body, too, and logs have addresses."""
        caplog.set_level(logging.DEBUG)
        (tmp_path / "token").write_text("recognisable+token")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", fake.endpoint)
        fake.answer = lambda *_: reply(
            200,
            {},
            b"<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>k</AccessKeyId><SecretAccessKey>s"
            b"</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
            b"</Credentials></AssumeRoleWithWebIdentityResult></R>",
        )
        assert found() == ("k", "s", "t")
        (seen,) = fake.seen
        assert (seen.method, seen.target) == ("POST", "/")
        assert parse_qs(seen.body.decode())["WebIdentityToken"] == ["recognisable+token"]
        assert "recognisable" not in caplog.text
        assert caplog.records


def test_only_what_a_server_gives_is_waited_for() -> None:
    class Broken(MountedSecret):
        def retrieve(self) -> Any:
            raise TypeError("recognisable")

    for is_remote in (False, True):
        with pytest.raises(StorageError, match="it cannot be used for an S3 server; set AWS_ACCESS_KEY_ID") as caught:
            Identity("it", Broken(Path()), is_remote=is_remote).credentials()
        assert "recognisable" not in str(caught.value)
