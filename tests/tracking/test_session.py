from __future__ import annotations

import threading

import pytest

from nasflow.errors import TrackingError
from nasflow.tracking import TrackingTarget, session
from nasflow.tracking.session import Session


def test_it_opens_once(target, store) -> None:
    opened = Session(target, store, "cafe", "digits", {})
    with opened.runs() as first, opened.runs() as second:
        assert first is second


def test_a_failed_opening_is_tried_again(target, store, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Session(TrackingTarget("http://127.0.0.1:1", "digits"), store, "cafe", "digits", {})
    for _ in range(2):
        with pytest.raises(TrackingError, match="cannot be reached"), failing.runs():
            pass


def test_one_thread_at_a_time_and_not_for_ever(target, store, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Session(target, store, "cafe", "digits", {})
    inside, leave = threading.Event(), threading.Event()

    def hang() -> None:
        with shared.runs():
            inside.set()
            leave.wait(60)

    other = threading.Thread(target=hang)
    other.start()
    inside.wait(60)
    monkeypatch.setattr(session, "PATIENCE", 0.05)
    with pytest.raises(TrackingError, match="has not answered"), shared.runs():
        pass
    leave.set()
    other.join()
    with shared.runs() as runs:
        assert runs.parent.kind == "search"
