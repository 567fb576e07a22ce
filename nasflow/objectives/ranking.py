"""From results to an order: values, feasibility, and the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nasflow.objectives.protocol import Objective
from nasflow.spaces import Bound
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
    """Return a key that sorts better trials first (the feasibility rules of Deb 2000).

    Feasible trials come first, objective by objective: the first one decides and later ones break ties. Then come those
    that completed outside the bounds, the least excess first, and last all others. The trial's id breaks the last ties,
    so that the order is total and the same everywhere.
    """
    tie = float(int(entry.trial.id[:12], 16))
    if entry.result is None or entry.result.status is not Status.COMPLETED:
        return (2.0, 0.0, *(0.0 for _ in objectives), tie)
    found = values(objectives, entry.result)
    losses = [o.loss(found[o.name]) if math.isfinite(found[o.name]) else math.inf for o in objectives]
    if feasible(objectives, entry.result):
        return (0.0, 0.0, *losses, tie)
    return (1.0, sum(_excess(o.bound, found[o.name]) for o in objectives), *losses, tie)


def _excess(bound: Bound, value: float) -> float:
    """Return by how much a value misses its limits, as a share of the limit."""
    if not math.isfinite(value):
        return math.inf
    over = value - bound.less_than if bound.less_than is not None else 0.0
    under = bound.more_than - value if bound.more_than is not None else 0.0
    limit = bound.less_than if over > 0 else bound.more_than
    return max(over, under, 0.0) / (abs(limit) if limit else 1.0)


def ranked(objectives: Sequence[Objective], history: History) -> list[Entry]:
    """Return the feasible trials, best first, each architecture once: as it did with the most training."""
    latest: dict[str, Entry] = {}
    for entry in history:
        if entry.result is None or entry.result.status is not Status.COMPLETED:
            continue
        known = latest.get(entry.trial.architecture.id)
        if known is None or _training(entry) >= _training(known):
            latest[entry.trial.architecture.id] = entry
    best = [e for e in latest.values() if e.result is not None and feasible(objectives, e.result)]
    return sorted(best, key=lambda entry: rank_key(objectives, entry))


def _training(entry: Entry) -> float:
    return entry.trial.fidelity.epochs * entry.trial.fidelity.data_fraction
