"""What is going on right now, written beside the results so that any process can show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from nasflow.engine.records import SearchRecords
from nasflow.errors import StorageError
from nasflow.storage.documents import read_json
from nasflow.training.events import EpochFinished, Event, TrialFinished, TrialStarted

_SECONDS_BETWEEN_WRITES = 0.5


@dataclass(frozen=True)
class Running:
    """A trial under way.

    Attributes:
        trial_id: The trial.
        epoch: Epochs finished.
        metrics: Of the last epoch finished.
        at: Unix seconds of the last news.
    """

    trial_id: str
    epoch: int
    metrics: dict[str, float]
    at: float


class LiveView:
    """Keeps the trials under way of one task in one document of the search.

    Args:
        records: The search's part of the store.
        task: Name of the task, unique within the search.
    """

    def __init__(self, records: SearchRecords, task: str) -> None:
        self._records = records
        self._name = f"live/{task}"
        self._running: dict[str, Running] = {}
        self._written = 0.0

    def __call__(self, event: Event) -> None:
        """Take in an event; the document is written at most twice a second, and whenever a trial starts or ends."""
        match event:
            case TrialStarted():
                self._running[event.trial_id] = Running(event.trial_id, event.resumed_epoch, {}, event.at)
            case EpochFinished():
                point = event.point
                news = Running(event.trial_id, point.epoch, dict(point.metrics), point.finished_at)
                self._running[event.trial_id] = news
                if time.monotonic() - self._written < _SECONDS_BETWEEN_WRITES:
                    return
            case TrialFinished():
                if self._running.pop(event.trial.id, None) is None:
                    return
        self._write()

    def close(self) -> None:
        """Say that nothing is under way any more."""
        self._running.clear()
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        try:
            self._records.write(self._name, {"running": [asdict(running) for running in self._running.values()]})
        except StorageError:
            # A view may be stale; the training that it shows must not stop for it.
            return


def running(records: SearchRecords) -> list[Running]:
    """Return the trials under way in all tasks of a search, by id."""
    found: dict[str, Running] = {}
    for key in records.store.keys(f"{records.folder}/live/"):
        document = read_json(records.store, key) or {"running": []}
        found |= {entry["trial_id"]: Running(**entry) for entry in document["running"]}
    return [found[trial_id] for trial_id in sorted(found)]


def together(*listeners: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return one listener that passes every event to all, in order."""

    def listen(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return listen
