"""Goals that end a search: the `stop_at` of its objectives."""

from __future__ import annotations

from collections.abc import Sequence

from nasflow.objectives import Objective, feasible
from nasflow.trials import History, TrialResult


def reaches(objectives: Sequence[Objective], result: TrialResult) -> bool:
    """Whether a trial is as good as every goal, and keeps every bound; without goals none is.

    Args:
        objectives: The search's.
        result: The trial's.
    """
    asked = [(objective, objective.stop_at) for objective in objectives if objective.stop_at is not None]
    if not asked or not feasible(objectives, result):
        return False
    return all(o.loss(result.metrics[o.name]) <= o.loss(goal) for o, goal in asked)


def goal_round(objectives: Sequence[Objective], history: History, round_size: int) -> int | None:
    """Return the round in which the search reaches its goal, from 0; None where it has not, or has none.

    A round is looked at as a whole, so that the search ends at the same place whatever the order in which its trials
    end.

    Args:
        objectives: The search's.
        history: Its trials.
        round_size: Trials of a round.
    """
    places = (n for n, e in enumerate(history) if e.result is not None and reaches(objectives, e.result))
    first = next(places, None)
    return None if first is None else first // round_size


def goal_note(objectives: Sequence[Objective], history: History, round_size: int) -> str:
    """Return the sentence that says when the goal was reached; empty where it was not.

    Args:
        objectives: The search's.
        history: Its trials.
        round_size: Trials of a round.
    """
    number = goal_round(objectives, history, round_size)
    if number is None:
        return ""
    goals = " and ".join(f"{o.name} {o.stop_at:.12g}" for o in objectives if o.stop_at is not None)
    return f"The search reached stop_at ({goals}) in round {number + 1}."
