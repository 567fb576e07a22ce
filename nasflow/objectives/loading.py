"""From the configuration to objectives, and the rejection of networks before training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nasflow.config import ObjectiveConfig
from nasflow.errors import ConfigError, PluginError
from nasflow.objectives.protocol import Direction, Measure, Measured, Objective
from nasflow.plugins import load, names, nearest
from nasflow.spaces import Bound, NetworkCost

Reference = Callable[[], NetworkCost]

_MEASURED = ("direction", "unit", "version", "device", "measure")


def load_measure(name: str) -> Measure:
    """Return the measure that an installed package provides under a name.

    Raises:
        PluginError: No package provides it, or what it provides is no measure.
    """
    parts = ("direction", "cheap", "before_training", "after_training")
    measure: Measure = _checked(name, load("objectives", name), parts, "Measure")
    return measure


def load_measured(name: str) -> Measured:
    """Return the quantity that an installed package measures on networks under a name.

    Raises:
        PluginError: No package provides it, or what it provides cannot be measured.
    """
    measured: Measured = _checked(name, load("objectives", name), _MEASURED, "Measured")
    return measured


def is_measured(name: str) -> bool:
    """Whether a name is that of a quantity measured on networks; also where its package cannot be used here."""
    try:
        return name in names("objectives") and hasattr(load("objectives", name), "measure")
    except PluginError:
        return True


def _checked(name: str, provided: Any, parts: Sequence[str], protocol: str) -> Any:
    missing = [part for part in parts if not hasattr(provided, part)]
    if missing:
        raise PluginError(f"objective '{name}' lacks {', '.join(missing)}; see nasflow.objectives.{protocol}.")
    return provided


def load_objectives(
    configs: Sequence[ObjectiveConfig], metrics: Mapping[str, Direction], reference: Reference
) -> tuple[Objective, ...]:
    """Return the objectives of a search, in the order of the configuration, bounds resolved.

    Args:
        configs: What the configuration asks for.
        metrics: The task's metrics, without the split, and their directions; they are offered as `val_<metric>`.
        reference: Gives the cost of the task's reference network; called only where a bound refers to it.

    Raises:
        ConfigError: An objective is unknown, listed twice, or measured on test data, or a bound cannot be had.
    """
    known = {f"val_{metric}": direction for metric, direction in metrics.items()}
    problems: list[str] = []
    found: dict[str, Objective] = {}
    for place, config in enumerate(configs):
        try:
            objective = _objective(f"objectives[{place}]", config, known, reference)
        except ConfigError as error:
            problems += error.problems
            continue
        if objective.name in found:
            problems.append(f"objectives[{place}]: '{objective.name}' is listed twice; keep one, with all its bounds.")
        found[objective.name] = objective
    if problems:
        raise ConfigError(problems)
    return tuple(found.values())


def _objective(
    where: str, config: ObjectiveConfig, metrics: Mapping[str, Direction], reference: Reference
) -> Objective:
    name = config.name
    cheap = measured = False
    if name in metrics:
        natural = metrics[name]
    elif name.startswith("test_"):
        instead = nearest("val_" + name.removeprefix("test_"), metrics)
        raise ConfigError(
            [f"{where}.name: '{name}' is measured on the test data, which no decision of a search may read.{instead}"]
        )
    elif name in names("objectives"):
        try:
            measured = is_measured(name)
            measure = load_measured(name) if measured else load_measure(name)
        except PluginError as error:
            raise ConfigError([f"{where}.name: {error}"]) from error
        natural, cheap = measure.direction, getattr(measure, "cheap", False)
    else:
        valid = [*metrics, *names("objectives")]
        raise ConfigError([f"{where}.name: '{name}' is none of {', '.join(valid)}.{_closest(name, valid)}"])
    below = measured and config.less_than == "reference"
    asked = config.model_copy(update={"less_than": None}) if below else config
    bound = _bound(where, asked, cheap, reference)
    return Objective(name, config.direction or natural, bound, cheap, measured, below, config.stop_at)


def _closest(name: str, valid: Sequence[str]) -> str:
    """Suggest `val_loss` for `loss`, which resembles other names more than that."""
    return f" Did you mean 'val_{name}'?" if f"val_{name}" in valid else nearest(name, valid)


def _bound(where: str, config: ObjectiveConfig, cheap: bool, reference: Reference) -> Bound:
    less_than = config.less_than
    if less_than == "reference":
        if not cheap:
            raise ConfigError(
                [
                    f"{where}.less_than: '{config.name}' of the reference network is not known before the search ends; "
                    f"give a number."
                ]
            )
        less_than = load_measure(config.name).before_training(reference())
    if less_than is not None and config.more_than is not None and config.more_than >= less_than:
        span = f"above {config.more_than:,.12g} and below {less_than:,.12g}"
        raise ConfigError([f"{where}: nothing is {span}; swap or widen the bounds."])
    return Bound(less_than, config.more_than)


def cheap_rejection(objectives: Sequence[Objective], cost: NetworkCost) -> str | None:
    """Return the sentence that says why a network is rejected before training, or None where it may be trained.

    Args:
        objectives: The search's objectives; only those that are cheap are looked at.
        cost: The network's.
    """
    for objective in objectives:
        if not objective.cheap:
            continue
        value = load_measure(objective.name).before_training(cost)
        if not math.isfinite(value):
            return f"{objective.name} is {value}, which cannot be compared."
        if not objective.bound.holds(value):
            return f"{objective.name} is {value:,.12g}, not {objective.bound} as the objectives ask."
    return None


def measured_rejection(
    objectives: Sequence[Objective], values: Mapping[str, float], reference: Mapping[str, float]
) -> str | None:
    """Return the sentence that says why a measured network is rejected, or None where it may be trained.

    Args:
        objectives: The search's objectives; only those that are measured are looked at.
        values: What was measured on the network, by objective.
        reference: What was measured on the reference network; asked for where an objective is bounded by it.
    """
    for objective in objectives:
        if not objective.measured:
            continue
        name, value = objective.name, values[objective.name]
        unit = load_measured(name).unit
        if objective.below_reference and not value < reference[name]:
            limit = f"{reference[name]:.4g} {unit}, that of the reference network,"
            return f"{name} is {value:.4g} {unit}, not below {limit} as the objectives ask."
        if not objective.bound.holds(value):
            return f"{name} is {value:.4g} {unit}, not {objective.bound} as the objectives ask."
    return None
