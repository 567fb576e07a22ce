"""How long a server that does not answer is waited for, where somebody waits at the keyboard."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DOOR_SECONDS = 10.0
"""At the door, before anything runs: a wrong address is likelier there than an outage."""

_most: ContextVar[float] = ContextVar("most", default=math.inf)


@contextmanager
def at_the_door() -> Iterator[None]:
    """Let whatever asks a server in this context give up after `DOOR_SECONDS`."""
    token = _most.set(DOOR_SECONDS)
    try:
        yield
    finally:
        _most.reset(token)


def allowed(seconds: float) -> float:
    """Return so many seconds, or fewer at the door."""
    return min(seconds, _most.get())
