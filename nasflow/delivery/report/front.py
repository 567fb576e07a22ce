"""The Pareto front: the trials that no other trial beats on every objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nasflow.delivery.report.data import ReportData, TrialRow
from nasflow.delivery.report.parts import Goal


@dataclass(frozen=True)
class Front:
    """The trials that have a value for every objective, each network once.

    Attributes:
        best: Those on the front, by the deciding objective, best first.
        beaten: Those within the bounds that another one beats.
        outside: Those outside the bounds, which cannot win.
        unknown: Number of trials without a value for every objective: rejected, failed, or open.
    """

    best: tuple[TrialRow, ...]
    beaten: tuple[TrialRow, ...]
    outside: tuple[TrialRow, ...]
    unknown: int


def front(data: ReportData) -> Front | None:
    """Return the front of a search with several objectives, or None where there is nothing to show."""
    if len(data.goals) < 2:
        return None
    known = {row.architecture_id: row for row in data.trials if _known(row, data.goals)}
    if not known:
        return None
    inside = [row for row in known.values() if row.feasible]
    best = {row.architecture_id: row for row in non_dominated(inside, data.goals)}
    return Front(
        tuple(sorted(best.values(), key=lambda row: losses(row, data.goals))),
        tuple(row for row in inside if row.architecture_id not in best),
        tuple(row for row in known.values() if not row.feasible),
        sum(not _known(row, data.goals) for row in data.trials),
    )


def losses(row: TrialRow, goals: Sequence[Goal]) -> tuple[float, ...]:
    """Return the values of the objectives turned so that smaller is better."""
    return tuple(row.metrics[g.name] * (-1 if g.direction == "maximize" else 1) for g in goals)


def non_dominated(rows: Sequence[TrialRow], goals: Sequence[Goal]) -> list[TrialRow]:
    """Return the rows that no other one beats: at least as good on every objective, and better on one."""
    import numpy as np

    if not rows:
        return []
    points = np.array([losses(row, goals) for row in rows])
    kept = []
    for row, point in zip(rows, points, strict=True):
        beaten = np.all(points <= point, axis=1) & np.any(points < point, axis=1)
        if not beaten.any():
            kept.append(row)
    return kept


def _known(row: TrialRow, goals: Sequence[Goal]) -> bool:
    return row.status == "completed" and all(math.isfinite(row.metrics.get(g.name, math.nan)) for g in goals)
