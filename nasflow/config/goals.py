"""Bounds and goals of objectives that no network can keep or reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from nasflow import plugins
from nasflow.config.sentences import Problem
from nasflow.errors import PluginError

if TYPE_CHECKING:
    from nasflow.config.model import ObjectiveConfig, SearchConfig

_SHARES = ("accuracy", "f1", "precision", "recall")


def is_share(name: str) -> bool:
    """Whether a metric is a share, from 0 to 1, by its name."""
    return name.endswith(_SHARES)


def goal_problems(config: SearchConfig, metrics: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the bounds and goals out of reach: out of a share's range, or a goal beyond the objective's own bound.

    Args:
        config: The search.
        metrics: The task's metrics, named as objectives (`val_accuracy`), and which way each is better.
    """
    for place, objective in enumerate(config.objectives):
        found = list(_out_of_range(place, objective)) if objective.name in metrics and is_share(objective.name) else []
        yield from found or _beyond(place, objective, objective.direction or _natural(objective.name, metrics))


def _out_of_range(place: int, objective: ObjectiveConfig) -> Iterator[Problem]:
    values = {"less_than": objective.less_than, "more_than": objective.more_than, "stop_at": objective.stop_at}
    for field, value in values.items():
        if not isinstance(value, int | float):
            continue
        name = f"objectives[{place}].{field}"
        path = ("objectives", place, field)
        if not 0 <= value <= 1:
            hint = f"; did you mean {value / 100:.12g}?" if 1 < value <= 100 else "."
            yield Problem(
                path, f"{name} must be between 0 and 1, since {objective.name} is a share, not {value:.12g}{hint}"
            )
        elif (field, value) in (("less_than", 0), ("more_than", 1)):
            side = "below 0" if field == "less_than" else "above 1"
            yield Problem(path, f"{name} can hold no value: {objective.name} is a share, and none is {side}.")


def _beyond(place: int, objective: ObjectiveConfig, direction: str | None) -> Iterator[Problem]:
    """Compare a goal with the bound on its side, which a network must keep to reach it; bounds leave themselves out."""
    goal, less, more = objective.stop_at, objective.less_than, objective.more_than
    side: Literal["less_than", "more_than"] = "less_than" if direction == "maximize" else "more_than"
    limit = less if direction == "maximize" else more
    if goal is None or direction is None or not isinstance(limit, int | float):
        return
    if goal >= limit if direction == "maximize" else goal <= limit:
        name, rule = f"objectives[{place}].stop_at", "below" if direction == "maximize" else "above"
        yield Problem(
            ("objectives", place, "stop_at"),
            f"{name} must be {rule} the objective's own {side} ({limit:.12g}), which no network may reach, not "
            f"{goal:.12g}.",
        )


def _natural(name: str, metrics: Mapping[str, str]) -> str | None:
    """Return which way an objective is better by itself; None where it is unknown or broken, as is said elsewhere."""
    if name in metrics:
        return metrics[name]
    try:
        return getattr(plugins.load("objectives", name), "direction", None)
    except PluginError:
        return None
