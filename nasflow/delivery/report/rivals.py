"""The winner against the runner-up, on the validation samples: the test samples are for winner and reference alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nasflow.delivery.outcome import Outcome
from nasflow.delivery.report.parts import MetricRow, RunnerUp
from nasflow.delivery.statistics import Interval, wilson
from nasflow.engine.plan import Plan
from nasflow.objectives import feasible, rank_key, ranked
from nasflow.trials import Entry, History, TrialResult


def runner_up(plan: Plan, history: History, outcome: Outcome) -> RunnerUp | None:
    """Return the winner against the best other finalist, or else against the search's second best.

    Against the latter both are shown as they were in the search. None where nothing else came within the bounds.
    """
    winner = outcome.winner.trial.architecture
    others = [Entry(trial, result) for trial, result in outcome.finalists if trial.architecture != winner]
    others = [entry for entry in others if entry.result is not None and feasible(plan.objectives, entry.result)]
    searched = {entry.trial.architecture.id: entry for entry in ranked(plan.objectives, history)}
    trained = bool(others)
    if trained:
        rival, ours = min(others, key=lambda entry: rank_key(plan.objectives, entry)), outcome.winner.result
    else:
        rest = [entry for entry in searched.values() if entry.trial.architecture != winner]
        known = searched.get(winner.id)
        if not rest or known is None or known.result is None:
            return None
        rival, ours = rest[0], known.result
    theirs, other = rival.result, rival.trial.architecture
    if theirs is None:
        return None
    made = {entry.trial.architecture.id: entry.trial.architecture.choices for entry in history}
    samples = plan.bundle.counts["val"]
    rows = tuple(_metrics(plan, samples, ours, theirs))
    costs = [plan.cost(architecture) for architecture in (winner, other)]
    return RunnerUp(
        architecture_id=other.id,
        choices=made.get(other.id, other.choices),
        winner_choices=made.get(winner.id, winner.choices),
        trained=trained,
        samples=samples,
        metrics=rows,
        costs={
            "parameters": (costs[0].parameters, costs[1].parameters),
            "flops": (costs[0].flops, costs[1].flops),
            "train_seconds": (ours.metrics.get("train_seconds", 0.0), theirs.metrics.get("train_seconds", 0.0)),
        },
        standard_error=_standard_error(rows[0], samples) if rows else None,
    )


def _metrics(plan: Plan, samples: int, ours: TrialResult, theirs: TrialResult) -> Iterator[MetricRow]:
    task = {f"val_{metric.name}": metric.direction for metric in plan.task.metrics}
    more = {o.name: o.direction for o in plan.objectives if o.name not in ("parameters", "flops", "train_seconds")}
    for name, direction in (task | more).items():
        found = [result.metrics.get(name, math.nan) for result in (ours, theirs)]
        if all(map(math.isfinite, found)):
            first, second = (_interval(name, value, samples) for value in found)
            yield MetricRow(name, direction, first, second)


def _interval(name: str, value: float, samples: int) -> Interval:
    """Return the interval of an accuracy, which counts samples; of others none is known."""
    return wilson(round(value * samples), samples) if name == "val_accuracy" else Interval(value, value, value)


def _standard_error(row: MetricRow, samples: int) -> float | None:
    if row.name != "val_accuracy" or row.reference is None:
        return None
    return math.sqrt(sum(share * (1 - share) / samples for share in (row.winner.value, row.reference.value)))
