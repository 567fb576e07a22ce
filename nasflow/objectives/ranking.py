"""From results to an order: values, feasibility, and the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nasflow.objectives.protocol import Objective
from nasflow.trials import Entry, History, Status, TrialResult


def values(objectives: Sequence[Objective], result: TrialResult) -> dict[str, float]:
    """Return the objectives' values in a result; NaN where it has none."""
    return {objective.name: result.metrics.get(objective.name, math.nan) for objective in objectives}


def feasible(objectives: Sequence[Objective], result: TrialResult) -> bool:
    """Whether a trial completed, has every objective, and keeps every bound."""
    found = values(objectives, result)
    return result.status is Status.COMPLETED and all(
        math.isfinite(found[o.name]) and o.bound.holds(found[o.name]) for o in objectives
    )


def rank_key(objectives: Sequence[Objective], entry: Entry) -> tuple[float, ...]:
    """Return a key that sorts better trials first: infeasible ones last, then objective by objective.

    The first objective decides and later ones break ties, the trial's id the last, so that the order is total and the same
    everywhere.
    """
    if entry.result is None or not feasible(objectives, entry.result):
        return (1.0, *(math.inf for _ in objectives), _tie(entry))
    found = values(objectives, entry.result)
    return (0.0, *(o.loss(found[o.name]) for o in objectives), _tie(entry))


def ranked(objectives: Sequence[Objective], history: History) -> list[Entry]:
    """Return the feasible trials, best first, each architecture once at its highest fidelity."""
    latest: dict[str, Entry] = {}
    for entry in history:
        if entry.result is None or not feasible(objectives, entry.result):
            continue
        known = latest.get(entry.trial.architecture.id)
        if known is None or entry.trial.fidelity.epochs >= known.trial.fidelity.epochs:
            latest[entry.trial.architecture.id] = entry
    return sorted(latest.values(), key=lambda entry: rank_key(objectives, entry))


def _tie(entry: Entry) -> float:
    return float(int(entry.trial.id[:12], 16))
