"""What a search keeps in the store: its description, its batches, and its history put together from the results."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasflow.errors import IntegrityError
from nasflow.objectives.loading import is_measured
from nasflow.storage import Store
from nasflow.storage.documents import create_json, read_json, write_json
from nasflow.trials import Entry, History, Status, Trial, TrialResult

RETRIED_ACROSS_SEARCHES = frozenset({Status.OUT_OF_MEMORY, Status.TIMED_OUT, Status.CRASHED})


@dataclass(frozen=True)
class Batch:
    """What one call of a strategy gave.

    Attributes:
        start: Number of trials that the search had before.
        trials: The trials proposed, in order.
        exhausted: Whether the strategy had no more to propose.
        state: The strategy's state after it.
        note: A sentence of the strategy for the user.
    """

    start: int
    trials: tuple[Trial, ...]
    exhausted: bool
    state: Mapping[str, Any] | None
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return the batch as JSON-compatible data."""
        return {
            "schema_version": 1,
            "start": self.start,
            "trials": [trial.to_json() for trial in self.trials],
            "exhausted": self.exhausted,
            "state": dict(self.state) if self.state is not None else None,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Batch:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: A trial in it was altered, or it lacks a part.
        """
        try:
            return cls(
                document["start"],
                tuple(Trial.from_json(trial) for trial in document["trials"]),
                document["exhausted"],
                document["state"],
                document["note"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"a round of the search lacks or has too much: {error}; it is damaged.") from error


class SearchRecords:
    """One search's part of the store.

    Args:
        store: The store.
        search_id: The search.
    """

    def __init__(self, store: Store, search_id: str) -> None:
        self.store = store
        self.search_id = search_id
        self.folder = f"searches/{search_id}"
        self._batches: dict[str, Batch] = {}
        self._results: dict[str, TrialResult] = {}
        self._measuring: bool | None = None

    def begin(self, request: str, space: Mapping[str, Any], bundle: Path) -> None:
        """Keep what was asked for; the time of the first call is the start of the search.

        Args:
            request: `Request.to_json()`.
            space: `SearchSpace.to_json()`.
            bundle: Folder of the prepared data; the first one told stays.
        """
        document = {
            "schema_version": 1,
            "search_id": self.search_id,
            "request": json.loads(request),
            "space": dict(space),
            "bundle": str(bundle),
            "started_at": time.time(),
        }
        if not create_json(self.store, f"{self.folder}/search.json", document):
            known = self.description() or document
            kept = {name: known[name] for name in ("started_at", "bundle")}
            write_json(self.store, f"{self.folder}/search.json", document | kept)

    def description(self) -> dict[str, Any] | None:
        """Return what `begin` kept, or None where the search has never begun."""
        return read_json(self.store, f"{self.folder}/search.json")

    @property
    def started_at(self) -> float:
        """Unix seconds of the search's first start; now, where it has never begun."""
        description = self.description()
        return float(description["started_at"]) if description else time.time()

    def batches(self) -> list[Batch]:
        """Return all batches in order."""
        return self.batches_from(0)

    def batches_from(self, start: int) -> list[Batch]:
        """Return the batches that start at a number of trials or later, in order."""
        keys = [key for key in self.store.keys(f"{self.folder}/batches/") if int(key[-13:-5]) >= start]
        return [batch for key in keys if (batch := self._batch(key)) is not None]

    def _batch(self, key: str) -> Batch | None:
        """Read a batch, once: it never changes."""
        if key not in self._batches:
            document = read_json(self.store, key)
            if document is None:
                return None
            self._batches[key] = Batch.from_json(document)
        return self._batches[key]

    def add_batch(self, batch: Batch) -> Batch:
        """Keep a batch; return the one that stands, which is another where somebody was faster."""
        key = f"{self.folder}/batches/{batch.start:08d}.json"
        if create_json(self.store, key, batch.to_json()):
            return batch
        return Batch.from_json(read_json(self.store, key) or batch.to_json())

    def result(self, trial: Trial, started_at: float) -> TrialResult | None:
        """Return the result of a trial as this search sees it.

        A verdict of this search stands (a failure, or a rejection by its own bounds), even when another search has
        trained the same trial since. A failure of an earlier search that may have been bad luck counts as no result.
        """
        own = read_json(self.store, f"{self.folder}/verdicts/{trial.id}.json")
        document = own or read_json(self.store, f"results/{trial.id}.json")
        if document is None:
            return None
        result = TrialResult.from_json(document)
        if own is None and result.status in RETRIED_ACROSS_SEARCHES and result.finished_at < started_at:
            return None
        return self.completed(trial, result)

    def completed(self, trial: Trial, result: TrialResult) -> TrialResult:
        """Return a result as this search sees it: with what was measured on its network before training."""
        return result.with_measured(self.measured(trial.architecture.id))

    def measured(self, architecture_id: str) -> dict[str, float]:
        """Return what was measured on a network for this search, by objective; empty where nothing is."""
        document = read_json(self.store, self._measured_key(architecture_id)) if self._measures else None
        return dict(document["values"]) if document else {}

    def keep_measured(self, architecture_id: str, values: Mapping[str, float]) -> None:
        """Keep what was measured on a network for this search; what is there already stands."""
        create_json(self.store, self._measured_key(architecture_id), {"schema_version": 1, "values": dict(values)})

    def _measured_key(self, architecture_id: str) -> str:
        return f"{self.folder}/measured/{architecture_id}.json"

    @property
    def _measures(self) -> bool:
        """Whether the search has measured objectives, so that those without pay for no look-ups."""
        if self._measuring is None:
            description = self.description()
            if description is None:
                return False
            asked = description["request"]["config"].get("objectives", [])
            self._measuring = any(is_measured(objective["name"]) for objective in asked)
        return self._measuring

    def keep_verdict(self, result: TrialResult) -> TrialResult:
        """Let a failure or a rejection stand for this search, whatever others find; return the one that does."""
        key = f"{self.folder}/verdicts/{result.trial_id}.json"
        if create_json(self.store, key, result.to_json()):
            return result
        document = read_json(self.store, key)
        return TrialResult.from_json(document) if document else result

    def history(self) -> History:
        """Return all trials in the order proposed, with the results that exist."""
        started_at = self.started_at
        trials = [trial for batch in self.batches() for trial in batch.trials]
        return History(Entry(trial, self._known(trial, started_at)) for trial in trials)

    def _known(self, trial: Trial, started_at: float) -> TrialResult | None:
        """Return a result, read once where it stands: completed within this search, it is never trained again."""
        if trial.id not in self._results:
            result = self.result(trial, started_at)
            if result is None or result.status is not Status.COMPLETED or result.finished_at < started_at:
                return result
            self._results[trial.id] = result
        return self._results[trial.id]

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a document of this search."""
        return read_json(self.store, f"{self.folder}/{name}.json")

    def create(self, name: str, document: Mapping[str, Any]) -> bool:
        """Keep a document of this search unless there is one; return whether it was kept."""
        return create_json(self.store, f"{self.folder}/{name}.json", document)

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep a document of this search."""
        write_json(self.store, f"{self.folder}/{name}.json", document)
