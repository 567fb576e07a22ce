"""What an objective offers, and an objective as a search uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from nasflow.spaces import Bound, NetworkCost
from nasflow.trials import TrialResult

Direction = Literal["maximize", "minimize"]

UNBOUNDED = Bound()
"""No limits."""


class Measure(Protocol):
    """A quantity beside the task's metrics that can be optimised or bounded."""

    direction: Direction
    """Which way is better unless the configuration says otherwise."""

    cheap: bool
    """Whether it is known before training, from the network's cost alone."""

    def before_training(self, cost: NetworkCost) -> float:
        """Return its value before training; only called where `cheap`."""
        ...

    def after_training(self, cost: NetworkCost, result: TrialResult) -> float:
        """Return its value after training."""
        ...


@dataclass(frozen=True)
class Objective:
    """A named quantity with a direction and, where asked, bounds.

    Attributes:
        name: A metric of the task (`val_accuracy`), or a measure (`parameters`).
        direction: Which way is better.
        bound: Limits that a chosen network keeps; trivial where none were asked.
        cheap: Whether it is known before training and may reject a network without it.
    """

    name: str
    direction: Direction
    bound: Bound = UNBOUNDED
    cheap: bool = False

    def loss(self, value: float) -> float:
        """Return the value turned so that smaller is better."""
        return -value if self.direction == "maximize" else value
