"""No user or password of an address is left, and nothing else is touched."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from nasflow.passwords import hidden, holds_login, secrets_of, without_login, without_logins


@pytest.mark.parametrize(
    ("uri", "left"),
    [
        ("postgresql://u:secret@h/db", "postgresql://h/db"),
        ("postgresql://u:sec@ret@h/db", "postgresql://h/db"),
        ("https://secret@host", "https://host"),
        ("https://:secret@host:5000/x?a=1", "https://host:5000/x?a=1"),
        ("https://u:secret/more@h", "https://h"),
        ("mysql://u:secret?more#most@h:3306/db", "mysql://h:3306/db"),
        ("https://u:secret more@h/x", "https://h/x"),
        ("http://u:secret@[::1]:5000/", "http://[::1]:5000/"),
        ("s3:s3://key:secret@bucket/p", "s3:s3://bucket/p"),
        ("http://u:secret@h/a@b", "http://h/a@b"),
    ],
)
def test_a_login_is_cut(uri: str, left: str) -> None:
    assert holds_login(uri)
    assert without_login(uri) == left
    assert without_login(uri, "***@") == left.replace("://", "://***@")
    assert not holds_login(left)


@pytest.mark.parametrize(
    "uri",
    [
        "http://host/a@b",
        "http://localhost:5000/a@b?c=d@e",
        "http://[fe80::1]:5000/a@b",
        "sqlite:////home/me@work/mlflow.db",
        "sqlite:///mlflow.db",
        "databricks",
        "databricks://profile:scope",
        "me@work/photos",
        "photos://",
        "",
    ],
)
def test_what_is_no_login_stays(uri: str) -> None:
    assert not holds_login(uri)
    assert without_login(uri, "***@") == uri


def test_all_addresses_of_a_text() -> None:
    text = "not 'https://me:secret@host/x', but 'http://host:5000' or postgresql://secret@h/db; a@b stays"
    assert without_logins(text) == (
        "not 'https://***@host/x', but 'http://host:5000' or postgresql://***@h/db; a@b stays"
    )


def test_secrets_are_known_by_their_names() -> None:
    environment = {
        "AWS_SECRET_ACCESS_KEY": "tiger-eye",
        "AWS_ACCESS_KEY_ID": "an-identifier",
        "MLFLOW_TRACKING_TOKEN": "otter-token ",
        "DB_PASSWORD_2": "lynx-pass",
        "KEYBOARD": "qwertyuiop",
        "TOKEN": "short",
        "MONKEY": "no-secret",
        "MLFLOW_TRACKING_URI": "http://me:heron%2F1@host",
        "HOME": "/home/me",
    }
    login = base64.b64encode(b"me:heron/1").decode()
    assert secrets_of(environment) == {"tiger-eye", "otter-token", "lynx-pass", "heron%2F1", "heron/1", login}


def test_the_header_of_a_login_is_a_secret() -> None:
    environment = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "heron-1"}
    assert secrets_of(environment) == {"heron-1", base64.b64encode(b"me:heron-1").decode()}


def test_mounted_secrets_are_secrets(tmp_path: Path) -> None:
    (tmp_path / "accesskey").write_text("identifier")
    (tmp_path / "secretkey").write_text("tiger-eye\n")
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    environment = {"NASFLOW_S3_CREDENTIALS": str(tmp_path), "KF_PIPELINES_SA_TOKEN_PATH": str(tmp_path / "token")}
    assert secrets_of(environment) == {"tiger-eye"}
    assert secrets_of({"NASFLOW_S3_CREDENTIALS": "\0"}) == set()


def test_nothing_of_a_secret_is_left_in_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tiger/eye+1")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "tiger/eye+1-and-more")
    text = "tiger/eye+1 tiger%2Feye%2B1 tiger/eye%2B1 tiger/eye+1-and-more http://u:other@host/x and eye"
    assert hidden(text) == "*** *** *** *** http://***@host/x and eye"
    assert hidden("nothing to hide") == "nothing to hide"
