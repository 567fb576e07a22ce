"""How long a server that does not answer is waited for, and threads that nobody waits for any longer than that."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

DOOR_SECONDS = 10.0
"""At the door, before anything runs: a wrong address is likelier there than an outage."""

T = TypeVar("T")

_most: ContextVar[float] = ContextVar("most", default=math.inf)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Let whatever asks a server in this context give up after so many seconds, or after fewer as it would have."""
    token = _most.set(min(seconds, _most.get()))
    try:
        yield
    finally:
        _most.reset(token)


def at_the_door() -> AbstractContextManager[None]:
    """Let whatever asks a server in this context give up after `DOOR_SECONDS`."""
    return at_most(DOOR_SECONDS)


def allowed(seconds: float) -> float:
    """Return so many seconds, or fewer at the door."""
    return min(seconds, _most.get())


def in_background(action: Callable[[], T]) -> Future[T]:
    """Begin something in a thread of its own, in which as little time is allowed as here.

    The process may end before it does: whoever presses Ctrl-C waits for no server.
    """
    future: Future[T] = Future()
    context = copy_context()

    def work() -> None:
        try:
            future.set_result(context.run(action))
        except BaseException as error:  # whoever asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=work, name="nasflow-background", daemon=True).start()
    return future


def within(seconds: float, action: Callable[[], T]) -> T:
    """Do something that cannot be told how long it may take, and return what comes of it.

    Raises:
        TimeoutError: It takes longer; it goes on, but nobody hears of it any more.
    """
    return in_background(action).result(max(seconds, 0.0))
