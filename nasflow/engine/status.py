"""How far a search is, read from the store alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nasflow.engine.live import Running, running
from nasflow.engine.plan import Known
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import delivery_asked
from nasflow.objectives import ranked
from nasflow.trials import Entry, History, Trial, TrialResult


@dataclass(frozen=True)
class SearchStatus:
    """How far a search is.

    Attributes:
        search: What is known of the search.
        history: The trials proposed so far, with the results that exist.
        best: The best trial so far, or None.
        running: The trials and full trainings under way.
        finals: The full trainings known so far with their results: candidates first, the reference last.
        trials: Number of trials that it will have in the end: the budget, or fewer where the space is used up.
        seconds_left: Estimated seconds of training left, or None while nothing is known to go by.
        delivered: Whether the winner has been delivered for the present budget.
    """

    search: Known
    history: History
    best: Entry | None
    running: tuple[Running, ...]
    finals: tuple[Entry, ...]
    trials: int
    seconds_left: float | None
    delivered: bool

    @property
    def finished(self) -> int:
        """Number of trials with a result."""
        return sum(entry.result is not None for entry in self.history)


class StatusReader:
    """Reads a search's status again and again, each result once.

    Args:
        search: What is known of the search.
        records: Its part of the store.
    """

    def __init__(self, search: Known, records: SearchRecords) -> None:
        self._search = search
        self._records = records
        self._results: dict[str, TrialResult] = {}
        self._trials: list[Trial] = []
        self._exhausted = False

    def read(self) -> SearchStatus:
        """Return the present status."""
        started_at = self._records.started_at
        for batch in self._records.batches_from(len(self._trials)):
            self._trials.extend(batch.trials)
            self._exhausted = batch.exhausted
        history = History(self._entry(trial, started_at) for trial in self._trials)
        best = ranked(self._search.objectives, history)
        finals = tuple(self._finals(started_at))
        return SearchStatus(
            search=self._search,
            history=history,
            best=best[0] if best else None,
            running=tuple(running(self._records)),
            finals=finals,
            seconds_left=self._seconds_left(history, finals),
            trials=self._expected,
            delivered=self._delivered(),
        )

    def _delivered(self) -> bool:
        document = self._records.read("delivered")
        return document is not None and document["asked"] == delivery_asked(self._search.config)

    def _entry(self, trial: Trial, started_at: float) -> Entry:
        if trial.id not in self._results:
            result = self._records.result(trial, started_at)
            if result is None:
                return Entry(trial, None)
            self._results[trial.id] = result
        return Entry(trial, self._results[trial.id])

    def _finals(self, started_at: float) -> list[Entry]:
        document = self._records.read("finals")
        if document is None or document["asked"] != delivery_asked(self._search.config):
            return []  # of a smaller budget, say
        trials = [Trial.from_json(trial) for trial in document["trials"]]
        return [self._entry(trial, started_at) for trial in trials]

    @property
    def _expected(self) -> int:
        return len(self._trials) if self._exhausted else self._search.config.budget.trials

    def _seconds_left(self, history: History, finals: Sequence[Entry]) -> float | None:
        """Estimate from the seconds an epoch took so far; full trainings are counted in the same epochs."""
        done = [e.result for e in history if e.result is not None and e.result.curve]
        epochs = sum(len(result.curve) for result in done)
        if not epochs:
            return None
        seconds = sum(result.metrics.get("train_seconds", 0.0) for result in done) / epochs
        config = self._search.config
        finished = sum(e.result is not None for e in history)
        left = max(0, self._expected - finished) * config.fidelity.epochs
        full = sum(e.result is None for e in finals) if finals else config.final.candidates + 1
        return (left + full * config.final_epochs) * seconds / config.workers
