"""No user or password of an address is left, and nothing else is touched."""

from __future__ import annotations

import pytest

from nasflow.passwords import holds_login, without_login, without_logins


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
