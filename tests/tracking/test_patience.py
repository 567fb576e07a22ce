"""MLflow is asked again while it is away, and no longer than is said."""

from __future__ import annotations

import time
from typing import Any

import pytest

from nasflow.errors import HeldError, TrackingError
from nasflow.tracking.client import AwayError, RefusedError
from nasflow.tracking.patience import PATIENCE, PATIENCE_SECONDS, patience, patiently


@pytest.mark.parametrize(("given", "seconds"), [("12.5", 12.5), ("-3", 0.0), ("soon", PATIENCE_SECONDS), ("0", 0.0)])
def test_the_environment_says_for_how_long(given: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATIENCE, given)
    assert patience() == seconds
    monkeypatch.delenv(PATIENCE)
    assert patience() == PATIENCE_SECONDS


def test_it_is_asked_again_until_it_is_back(caplog: Any) -> None:
    answers = iter([AwayError("away."), AwayError("still away."), "here"])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(ask, 60.0) == "here"
    assert [r.getMessage() for r in caplog.records] == ["waiting for MLflow: away.", "waiting for MLflow: still away."]


def test_when_the_time_is_over_its_own_words_stand() -> None:
    def ask() -> None:
        raise AwayError("away.")

    began = time.monotonic()
    with pytest.raises(AwayError, match=r"^away\.$"):
        patiently(ask, 0.5)
    assert time.monotonic() - began < 10
    with pytest.raises(AwayError):
        patiently(ask, 0.0)


@pytest.mark.parametrize("error", [RefusedError("no."), TrackingError("no such user."), HeldError("held."), KeyError()])
def test_what_it_would_say_again_is_not_asked_again(error: Exception) -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise error

    with pytest.raises(type(error)):
        patiently(ask, 60.0)
    assert len(asked) == 1
