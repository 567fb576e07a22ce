"""What an objective offers, and an objective as a search uses it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from nasflow.spaces import Bound, NetworkCost, NetworkIO
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


class Measured(Protocol):
    """A quantity that is measured before training, on the network as it will be served, with weights not yet trained.

    The search keeps its value beside the results: it belongs to a network on a device, not to a training, and does not
    repeat exactly.
    """

    direction: Direction
    """Which way is better unless the configuration says otherwise."""

    unit: str
    """What it is measured in, as in `ms`."""

    version: int
    """Raised when the method changes so that values from before are not comparable."""

    def device(self) -> str:
        """Return all that a value hangs on besides the network: hardware and software, as a reader would name them.

        Raises:
            ConfigError: It cannot be measured on this machine.
        """
        ...

    def measure(self, onnx: Path, io: NetworkIO) -> float:
        """Return the value of a network.

        Args:
            onnx: The network as `nasflow.exporting.export_onnx` writes it.
            io: What goes in as it is stored, and what comes out.
        """
        ...


@dataclass(frozen=True)
class Objective:
    """A named quantity with a direction and, where asked, bounds.

    Attributes:
        name: A metric of the task (`val_accuracy`), or a measure (`parameters`, `latency`).
        direction: Which way is better.
        bound: Limits that a chosen network keeps; trivial where none were asked.
        cheap: Whether it is known from the network's cost, and may reject a network as soon as it is proposed.
        measured: Whether it is measured before training, and may reject a network without it.
        below_reference: Whether the reference network's measured value is a further limit. It is no number here, since
            it is known only once it is measured; rejection before training sees to it, so a trained network keeps it.
        stop_at: The search ends with the round in which a network is as good as this; None where it does not. No part
            of a search's identity.
    """

    name: str
    direction: Direction
    bound: Bound = UNBOUNDED
    cheap: bool = False
    measured: bool = False
    below_reference: bool = False
    stop_at: float | None = None

    @property
    def limits(self) -> str:
        """The limits as a reader would say them; empty where there are none."""
        reference = "below the reference network" if self.below_reference else ""
        return " and ".join(limit for limit in (reference, str(self.bound)) if limit)

    def loss(self, value: float) -> float:
        """Return the value turned so that smaller is better."""
        return -value if self.direction == "maximize" else value
