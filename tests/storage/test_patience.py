from __future__ import annotations

import threading
import time

import pytest

from nasflow.storage.patience import DOOR_SECONDS, allowed, at_most, at_the_door, in_background, within


def test_less_at_the_door_and_as_before_behind_it() -> None:
    assert allowed(120) == 120
    with at_the_door():
        assert allowed(120) == DOOR_SECONDS
        assert allowed(2) == 2
        with at_the_door():
            pass
        assert allowed(120) == DOOR_SECONDS
        with at_most(1):
            assert allowed(120) == 1
            with at_the_door():
                assert allowed(120) == 1
    with pytest.raises(KeyError), at_the_door():
        raise KeyError
    assert allowed(120) == 120


def test_threads_are_at_the_door_too() -> None:
    with at_the_door():
        begun = in_background(lambda: (time.sleep(0.2), allowed(120))[1])
    assert begun.result(5) == DOOR_SECONDS
    assert in_background(lambda: allowed(120)).result(5) == 120


def test_what_is_done_in_the_background_gives_and_raises_what_it_would_here() -> None:
    assert in_background(lambda: 7).result(5) == 7
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0).result(5)


def test_nobody_waits_for_what_takes_longer() -> None:
    let_go = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.2, let_go.wait)
    assert time.monotonic() - began < 2
    let_go.set()
    assert within(5, lambda: "done") == "done"
    with pytest.raises(TimeoutError):
        within(-1, lambda: time.sleep(0.2))
