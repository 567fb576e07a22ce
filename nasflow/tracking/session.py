"""The one connection of a process to MLflow, opened when it is first needed, shared by its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from nasflow.errors import TrackingError
from nasflow.tracking.claims import Documents
from nasflow.tracking.client import connect, reach
from nasflow.tracking.runs import Runs
from nasflow.tracking.target import TrackingTarget

PATIENCE = 60.0
"""Seconds that one thread waits for another's request, which may hang at a server that has just died."""


class Session:
    """Opens the runs of a search, and lets one thread at a time work on them.

    Args:
        target: The MLflow.
        documents: The store.
        search_id: The search.
        search_name: Name of its parent run.
        params: Parameters of its parent run.
    """

    def __init__(
        self,
        target: TrackingTarget,
        documents: Documents,
        search_id: str,
        search_name: str,
        params: Mapping[str, str],
    ) -> None:
        self.target = target
        self._open: Callable[[], Runs] = lambda: Runs(connect(target), documents, search_id, search_name, params)
        self._runs: Runs | None = None
        self._lock = threading.RLock()

    @contextmanager
    def runs(self) -> Iterator[Runs]:
        """Give the runs to the calling thread alone.

        Raises:
            TrackingError: MLflow cannot be used.
            StorageError: The store cannot be used.
        """
        if not self._lock.acquire(timeout=PATIENCE):
            raise TrackingError(
                f"MLflow at '{self.target.shown}' has not answered for {PATIENCE:.0f} seconds; see to it, and run the "
                f"same command again: nothing is trained twice."
            )
        try:
            if self._runs is None:
                self._runs = self._open()
            else:
                reach(self.target)
            yield self._runs
        finally:
            self._lock.release()
