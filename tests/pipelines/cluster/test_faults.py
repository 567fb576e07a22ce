"""Faults: which may pass, and what is said of each."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3
from kfp_server_api import ApiException
from urllib3 import exceptions

from nasflow.pipelines.cluster.faults import (
    CLOSED,
    INSECURE,
    TIMED_OUT,
    UNKNOWN_HOST,
    UNREACHABLE,
    passing,
    sentence,
    status_of,
    told,
    wait_asked,
)

POOL = urllib3.HTTPConnectionPool("localhost", 1)
CONNECTION = urllib3.connection.HTTPConnection("localhost", 1)


def answered(status: int, body: str = "", **headers: str) -> ApiException:
    error = ApiException(status=status)
    error.body, error.headers = body, headers
    return error


def said(error: BaseException, **changes: Any) -> str:
    asked: dict[str, Any] = {"namespace": "", "known": True, "seconds": 61.4, **changes}
    return sentence(error, "https://kubeflow.example.org", "start the run", **asked)


@pytest.mark.parametrize(
    ("error", "status", "passes"),
    [
        (answered(429), 429, True),
        (answered(500), 500, True),
        (answered(403), 403, False),
        (ApiException(status=0), INSECURE, False),
        (exceptions.ReadTimeoutError(POOL, "/", "late"), TIMED_OUT, True),
        (exceptions.ConnectTimeoutError(CONNECTION, "late"), UNREACHABLE, True),
        (exceptions.NewConnectionError(CONNECTION, "refused"), UNREACHABLE, True),
        (exceptions.NameResolutionError("host", CONNECTION, OSError()), UNKNOWN_HOST, False),
        (exceptions.ProtocolError("aborted"), CLOSED, True),
        (exceptions.IncompleteRead(3, 4), CLOSED, True),
        (exceptions.MaxRetryError(POOL, "/", exceptions.SSLError("unknown authority")), INSECURE, False),
        (exceptions.MaxRetryError(POOL, "/", exceptions.ReadTimeoutError(POOL, "/", "late")), TIMED_OUT, True),
        (KeyError("a slip of ours"), None, False),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(error: Exception, status: int | None, passes: bool) -> None:
    assert (status_of(error), passing(error)) == (status, passes)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('{"message": "no\\n such  run", "code": 5}', "no such run"),
        ('{"error_message": "Failed to create"}', "Failed to create"),
        ('{"message": "see https://me:secret@db/x"}', "see https://***@db/x"),
        ('{"message": "' + "a" * 500 + '"}', "a" * 199 + "…"),
        ("<html>Bad gateway</html>", ""),
        ('"a text"', ""),
        ("", ""),
    ],
)
def test_what_an_answer_says_is_one_line_without_passwords(body: str, line: str) -> None:
    assert told(answered(500, body)) == line


def test_the_wait_that_is_asked_for() -> None:
    assert wait_asked(answered(429, **{"Retry-After": "7"})) == 7.0
    assert wait_asked(answered(429, **{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})) == 0.0
    assert wait_asked(answered(429)) == wait_asked(None) == wait_asked(KeyError()) == 0.0


def test_sentences_name_what_was_asked_where_and_for_how_long() -> None:
    text = said(answered(403, '{"message": "denied"}'), namespace="alice")
    assert "does not allow you to start the run in namespace 'alice' (403: denied)" in text
    assert "for 61 seconds when asked to start the run (502)" in said(answered(502))
    assert "did not answer within 61 seconds" in said(exceptions.ReadTimeoutError(POOL, "/", "late"))
    assert "--ca-file" in said(exceptions.MaxRetryError(POOL, "/", exceptions.SSLError("unknown authority")))


def test_who_sent_no_credentials_is_told_how_to() -> None:
    assert "may have expired" in said(answered(401))
    assert "no credentials were given" in said(answered(401), known=False)


def test_braces_in_an_answer_are_only_text() -> None:
    assert "(500: {where} {0} {)" in said(answered(500, '{"message": "{where} {0} {"}'))
