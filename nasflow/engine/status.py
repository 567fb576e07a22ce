"""How far a search is, read from the store alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nasflow.data.bundle import DataBundle
from nasflow.engine.goals import goal_note, goal_round
from nasflow.engine.live import Running, running
from nasflow.engine.plan import Known
from nasflow.engine.records import SearchRecords
from nasflow.engine.remaining import Progress
from nasflow.engine.request import delivery_asked
from nasflow.engine.runs import deadline_of_last
from nasflow.errors import IntegrityError
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
        trials: Number of trials that it will have in the end: the budget, or fewer where the space is used up or the
            goal reached.
        seconds_left: Estimated seconds of training left; None where nothing is known to go by, or nothing is left.
        delivered: Whether the winner has been delivered for the present budget.
        note: Why the search ended before its trials were used up, in a sentence; empty where it did not.
    """

    search: Known
    history: History
    best: Entry | None
    running: tuple[Running, ...]
    finals: tuple[Entry, ...]
    trials: int
    seconds_left: float | None
    delivered: bool
    note: str = ""

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
        finals, under_way = tuple(self._finals(started_at)), tuple(running(self._records))
        return SearchStatus(
            search=self._search,
            history=history,
            best=best[0] if best else None,
            running=under_way,
            finals=finals,
            seconds_left=None if self._delivered() else self._seconds_left(history, finals, under_way),
            trials=len(history) if self._over(history) else self._expected,
            delivered=self._delivered(),
            note=self._note(history, finals),
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

    def _note(self, history: History, finals: Sequence[Entry]) -> str:
        """Return why the search ended before its trials were used up, or an empty text."""
        config = self._search.config
        if note := goal_note(self._search.objectives, history, config.parallelism.round_size):
            return note
        finished = sum(entry.result is not None for entry in history)
        if config.budget.hours is None or not finals or finished >= self._expected:
            return ""
        return f"budget.hours ({config.budget.hours:g}) ended the search after {finished} of {self._expected} trials."

    @cached_property
    def _counts(self) -> Mapping[str, int] | None:
        """Samples of each split, where the prepared data are on this machine."""
        description = self._records.description()
        try:
            bundle = DataBundle.open(Path(description["bundle"]), verify=False) if description else None
        except IntegrityError:
            return None
        return {str(split): count for split, count in bundle.counts.items()} if bundle else None

    def _seconds_left(self, history: History, finals: Sequence[Entry], now: Sequence[Running]) -> float | None:
        """Return the seconds of training left, but none beyond the deadline of the run."""
        trials = len(history) if self._over(history) else self._expected
        left = Progress(self._search, history, finals, now, trials, self._counts).seconds_left
        deadline = deadline_of_last(self._records)
        return left if left is None or deadline is None else min(left, max(0.0, deadline - time.time()))

    def _over(self, history: History) -> bool:
        """Whether no round will follow, since the goal is reached."""
        size = self._search.config.parallelism.round_size
        reached = goal_round(self._search.objectives, history, size)
        return reached is not None and len(history) >= (reached + 1) * size
