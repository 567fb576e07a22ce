"""Optimisers and learning-rate schedules.

Torch's functional optimisers do the arithmetic. Its optimiser classes would import the compiler when the first one is
made, more than a second in every process, and keep their state where a checkpoint has to search for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from nasflow.config import TrainingConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

START_DIVISOR = 25.0
"""`one_cycle` starts at the peak divided by this, as in Smith and Topin's "Super-Convergence" and in PyTorch."""
ADAM_BETA2 = 0.999
RMSPROP_ALPHA = 0.99
"""Share of the average of squared gradients that a step of RMSprop keeps."""
EPSILON = 1e-8
"""What Adam and RMSprop add to a denominator; it and the two above are PyTorch's own."""


def learning_rate(recipe: TrainingConfig, step: int, steps: int) -> float:
    """Return the learning rate of one step, from nothing but its number: so a resumed training is exact.

    Args:
        recipe: The schedule and its peak.
        step: Number of the step, from 0.
        steps: Steps over which the schedule is laid out.
    """
    peak = recipe.peak_learning_rate
    if recipe.schedule == "cosine":
        return _cosine(peak, 0.0, step / steps)
    rise = recipe.warm_up * steps
    if step < rise:
        return _cosine(peak / START_DIVISOR, peak, step / rise)
    return _cosine(peak, 0.0, (step - rise) / (steps - rise))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class Group:
    """Parameters with one weight decay, and the optimiser's state for them.

    Args:
        parameters: Trainable parameters, floating, on one device.
        weight_decay: Their weight decay.
        slots: Names of the state tensors that each parameter has, of its shape, zero at first.
        counted: Whether the steps of each parameter are counted, which costs as much in a checkpoint as a slot does.
    """

    def __init__(self, parameters: list[Tensor], weight_decay: float, slots: Iterable[str], counted: bool) -> None:
        self.parameters = parameters
        self.weight_decay = weight_decay
        self.state = {slot: [torch.zeros_like(p) for p in parameters] for slot in slots}
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in parameters] if counted else []

    def grads(self) -> tuple[list[Tensor], list[int]]:
        """Return the gradients that exist, and the places of their parameters."""
        places = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        return [g for p in self.parameters if (g := p.grad) is not None], places


@dataclass(frozen=True)
class Part:
    """What one step changes: parameters that have gradients, with their state.

    Attributes:
        parameters: Trainable parameters.
        grads: Their gradients.
        state: Their state by slot.
        steps: The steps that each has had, float32 (); empty where they are not counted.
        weight_decay: Their weight decay.
    """

    parameters: list[Tensor]
    grads: list[Tensor]
    state: Mapping[str, list[Tensor]]
    steps: list[Tensor]
    weight_decay: float


def _sgd(part: Part, recipe: TrainingConfig, rate: float) -> None:
    sgd(
        part.parameters,
        part.grads,
        list(part.state["momentum"]),
        has_sparse_grad=False,
        fused=True,
        weight_decay=part.weight_decay,
        momentum=recipe.momentum,
        lr=rate,
        dampening=0.0,
        nesterov=recipe.momentum > 0,
        maximize=False,
    )


def _adam(part: Part, recipe: TrainingConfig, rate: float) -> None:
    rule = adamw if recipe.optimizer == "adamw" else adam
    rule(
        part.parameters,
        part.grads,
        part.state["average"],
        part.state["square"],
        [],
        part.steps,
        fused=True,
        amsgrad=False,
        beta1=recipe.momentum,
        beta2=ADAM_BETA2,
        lr=rate,
        weight_decay=part.weight_decay,
        eps=EPSILON,
        maximize=False,
    )


def _rmsprop(part: Part, recipe: TrainingConfig, rate: float) -> None:
    rmsprop(
        part.parameters,
        part.grads,
        part.state["square"],
        [],
        part.state["momentum"],
        part.steps,
        foreach=True,  # torch has no fused one
        lr=rate,
        alpha=RMSPROP_ALPHA,
        eps=EPSILON,
        weight_decay=part.weight_decay,
        momentum=recipe.momentum,
        centered=False,
    )


Rule = Callable[[Part, TrainingConfig, float], None]

_RULES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "sgd": (("momentum",), _sgd),
    "adam": (("average", "square"), _adam),
    "adamw": (("average", "square"), _adam),
    "rmsprop": (("momentum", "square"), _rmsprop),
}
"""For each optimiser the slots of its state, and its step."""


class Optimizer:
    """Stochastic gradient descent with Nesterov momentum, Adam, AdamW or RMSprop.

    Biases and normalisation weights (below two axes) have no weight decay.

    Args:
        network: The network, on its device.
        recipe: Optimiser, momentum, weight decay.
    """

    def __init__(self, network: nn.Module, recipe: TrainingConfig) -> None:
        self.recipe = recipe
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        slots, self._rule = _RULES[recipe.optimizer]
        counted = self._rule is not _sgd
        self.groups = [
            Group([p for p in self.parameters if p.ndim >= 2], recipe.weight_decay, slots, counted),
            Group([p for p in self.parameters if p.ndim < 2], 0.0, slots, counted),
        ]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the parameters by their gradients.

        Args:
            rate: The learning rate of this step.
        """
        for group in self.groups:
            grads, places = group.grads()
            if not places:
                continue
            part = Part(
                [group.parameters[i] for i in places],
                grads,
                {slot: [tensors[i] for i in places] for slot, tensors in group.state.items()},
                [group.steps[i] for i in places] if group.steps else [],
                group.weight_decay,
            )
            self._rule(part, self.recipe, rate)

    def clip(self, norm: float) -> None:
        """Scale all gradients down so that their common norm is at most `norm`."""
        torch.nn.utils.clip_grad_norm_(self.parameters, norm)

    def state(self) -> dict[str, Tensor]:
        """Return the state by name, for a checkpoint."""
        found: dict[str, Tensor] = {}
        for number, group in enumerate(self.groups):
            for slot, tensors in group.state.items():
                found |= {f"{number}.{slot}.{i}": tensor for i, tensor in enumerate(tensors)}
            found |= {f"{number}.steps.{i}": tensor for i, tensor in enumerate(group.steps)}
        return found

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave.

        Raises:
            KeyError: A part is missing.
        """
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
