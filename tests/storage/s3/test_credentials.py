from __future__ import annotations

from pathlib import Path

import pytest
import urllib3

from nasflow.errors import StorageError
from nasflow.storage.s3.address import parse
from nasflow.storage.s3.credentials import MOUNTED, MountedSecret, provider_for

MINIO = parse("s3://bucket?endpoint=http://127.0.0.1:1", {})
VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN"),
    *("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", MOUNTED),
)


@pytest.fixture(autouse=True)
def blank(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def found() -> tuple[str, str, str | None]:
    credentials = provider_for(MINIO, urllib3.PoolManager(retries=False)).retrieve()
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
