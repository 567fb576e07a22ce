"""How a champion does on new data, and whether that differs from when it was registered.

Interval of a difference of two figures from their intervals: R. G. Newcombe, Statistics in Medicine 17 (1998), method
10, for shares; G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008), for any figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from nasflow.delivery.comparing import measured
from nasflow.delivery.statistics import Interval, bootstrap_intervals, correct, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasflow.tasks import Task


@dataclass(frozen=True)
class Drift:
    """A champion's figure on the validation samples of new data, beside that of its registration.

    Attributes:
        metric: The task's first metric, as in `accuracy`.
        direction: Which way it is better.
        now: On the new validation samples, none of which it was trained on.
        then: On the test samples of its registration; None where it is not known any more. Without its interval,
            both limits are the figure itself.
        samples: Number of new validation samples.
    """

    metric: str
    direction: Literal["maximize", "minimize"]
    now: Interval
    then: Interval | None
    samples: int

    @property
    def gain(self) -> Interval | None:
        """How much better it does now, with 95 % limits: below zero where it does worse, whatever the metric."""
        if self.then is None:
            return None
        found = difference(self.now, self.then)
        return found if self.direction == "maximize" else Interval(-found.value, -found.high, -found.low)

    @property
    def noticed(self) -> bool:
        """Whether it does worse than chance explains; without drift that is so once in forty times."""
        return self.gain is not None and self.gain.high < 0

    def sentence(self, who: str) -> str:
        """Return it in plain words.

        Args:
            who: What the champion is called, as in `version 2`.
        """
        now = f"{self.metric} {shown(self.now)} on {self.samples:,} new validation samples"
        if self.then is None or self.gain is None:
            return f"{who.capitalize()} has {now}; what it had when it was registered is not known."
        told = {True: "it has drifted", False: "no drift beyond chance"}[self.noticed]
        return f"{who.capitalize()} has {now}, and had {shown(self.then)} when it was registered: {told}."

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-compatible data."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Drift:
        """Read back what `to_json` gave."""
        then = document["then"]
        intervals = {"now": Interval(**document["now"]), "then": Interval(**then) if then else None}
        return cls(**{**document, **intervals})


def figure(task: Task, probabilities: NDArray[np.float32], targets: NDArray[np.int64], seed: int) -> Interval:
    """Return the task's first metric with its 95 % interval: accuracy's by Wilson, any other's by bootstrap.

    Args:
        task: What is learned.
        probabilities: float32 (N, outputs).
        targets: int64 (N,).
        seed: Of the bootstrap's draws.
    """
    first = task.metrics[0].name
    if first == "accuracy":
        return wilson(int(correct(probabilities, targets).sum()), len(targets))
    evaluate = measured(task, probabilities, targets)
    return bootstrap_intervals(lambda chosen: {first: evaluate(chosen)[first]}, len(targets), seed)[first]


def difference(first: Interval, second: Interval) -> Interval:
    """Return first - second with its 95 % interval, of figures measured on different samples."""
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, value - below, value + above)


def shown(interval: Interval) -> str:
    """Return a figure with its limits, as in `0.952 (0.921 to 0.971)`; the limits only where they are known."""
    if interval.low == interval.high:
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
