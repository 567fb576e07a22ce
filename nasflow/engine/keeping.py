"""Whose weights stay: what `storage.keep` asks for, and what training and delivery need in any case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nasflow.engine.kept import all_records
from nasflow.engine.records import SearchRecords
from nasflow.training.job import checkpoint_key
from nasflow.trials import History, Trial

_DOCUMENT = "best"


def needed_checkpoints(searches: Iterable[SearchRecords]) -> set[str]:
    """Return the keys of the checkpoints that searches need: of full trainings, of open trials, and of those they keep.

    Args:
        searches: Their parts of the store.
    """
    needed: set[str] = set()
    for records in searches:
        finals = records.read("finals") or {"trials": []}
        history = records.history()
        needed |= {checkpoint_key(Trial.from_json(trial).id) for trial in finals["trials"]}
        needed |= {checkpoint_key(entry.trial.id) for entry in history if entry.result is None}
        needed |= {checkpoint_key(trial_id) for trial_id in _kept(records, history)}
    return needed


def keep_best(records: SearchRecords, selected: Sequence[str]) -> None:
    """Drop the weights of a search's trials but those of the selected ones, unless another search needs them.

    Args:
        records: The search's part of the store.
        selected: Ids of the trials whose weights stay.
    """
    history = records.history()
    records.write(_DOCUMENT, {"selected": list(selected), "of": len(history)})
    needed = needed_checkpoints(all_records(records.store))
    for entry in history:
        if (key := checkpoint_key(entry.trial.id)) not in needed:
            records.store.delete(key)


def _kept(records: SearchRecords, history: History) -> list[str]:
    """Return the ids of the trials whose weights a search keeps by its `storage.keep`, as it was last run."""
    request: dict[str, Any] = (records.description() or {}).get("request", {})
    keep = request.get("config", {}).get("storage", {}).get("keep", "none")
    trials = [entry.trial.id for entry in history] if keep != "none" else []
    if keep == "best" and (chosen := records.read(_DOCUMENT)) is not None:
        return [*chosen["selected"], *trials[chosen["of"] :]]  # of later ones nobody knows yet
    return trials
