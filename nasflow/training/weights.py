"""A network under training, with all that has to go on exactly from a checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from nasflow.training.averaging import Average
from nasflow.training.optimisation import Optimizer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nasflow.config import TrainingConfig
    from nasflow.training.checkpoint import Parts


class Weights:
    """The weights of a network, their average where the recipe has one, and the optimiser's state.

    Args:
        network: The network, on its device.
        recipe: Optimiser and average.

    Attributes:
        network: The network.
        optimizer: What changes it.
        average: The average of its weights over the steps, which is evaluated and kept in their place; or None.
        best: The weights of the best epoch so far; empty where nobody asked to keep them.
    """

    def __init__(self, network: nn.Module, recipe: TrainingConfig) -> None:
        self.network = network
        self.optimizer = Optimizer(network, recipe)
        self.average = Average(network, recipe.ema) if recipe.ema is not None else None
        self.best: dict[str, Tensor] = {}

    def step(self, rate: float, number: int) -> None:
        """Change the weights by their gradients.

        Args:
            rate: The learning rate of this step.
            number: Number of the step over the whole training, from 0.
        """
        self.optimizer.step(rate)
        if self.average is not None:
            self.average.update(number)

    def begin_with(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of another training as those to begin with."""
        self.network.load_state_dict(weights)
        if self.average is not None:
            self.average.begin()

    def evaluated(self) -> AbstractContextManager[None]:
        """Let the network have the weights that are to be evaluated, for a `with` statement."""
        return self.average.shown() if self.average is not None else contextlib.nullcontext()

    def keep_best(self) -> None:
        """Keep a copy of the weights that are evaluated now."""
        with self.evaluated():
            self.best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}

    def parts(self, over: bool) -> Parts:
        """Return the parts of a checkpoint: see `nasflow.training.checkpoint`.

        Args:
            over: Whether nothing can go on from here: then there are only the weights that are kept.
        """
        if over and self.best:
            return {"network": self.best}
        with self.evaluated():
            shown = self.network.state_dict()
        if over:
            return {"network": shown}
        under = self.network.state_dict() if self.average is not None else {}
        return {"network": shown, "training": under, "best": self.best, "optimizer": self.optimizer.state()}

    def restore(self, parts: Parts, over: bool) -> None:
        """Take back what `parts` gave.

        Args:
            parts: The parts of the checkpoint.
            over: Whether nothing is to go on from here.

        Raises:
            KeyError: A part is missing.
            RuntimeError: The weights are those of another network.
        """
        self.begin_with(parts["network"])
        if over:
            return
        if self.average is not None:
            self.network.load_state_dict(parts["training"])
        device = next(iter(self.network.state_dict().values())).device
        self.best = {name: tensor.to(device) for name, tensor in parts.get("best", {}).items()}
        self.optimizer.load_state(parts["optimizer"])
