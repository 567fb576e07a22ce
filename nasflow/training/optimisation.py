"""Optimisers and learning-rate schedules.

Torch's functional optimisers do the arithmetic. Its optimiser classes would import the compiler when the first one is
made, more than a second in every process, and keep their state where a checkpoint has to search for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from nasflow.config import TrainingConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

WARM_UP = 0.3
"""Share of the steps over which `one_cycle` rises."""
START_DIVISOR = 25.0
"""`one_cycle` starts at the peak divided by this, as in Smith and Topin's "Super-Convergence" and in PyTorch."""
ADAM_BETA2 = 0.999
ADAM_EPSILON = 1e-8


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
    rise = WARM_UP * steps
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
    """

    def __init__(self, parameters: list[Tensor], weight_decay: float, slots: Iterable[str]) -> None:
        self.parameters = parameters
        self.weight_decay = weight_decay
        self.state = {slot: [torch.zeros_like(p) for p in parameters] for slot in slots}
        self.steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in parameters]

    def grads(self) -> tuple[list[Tensor], list[int]]:
        """Return the gradients that exist, and the places of their parameters."""
        places = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        return [g for p in self.parameters if (g := p.grad) is not None], places


class Optimizer:
    """SGD with Nesterov momentum, or AdamW; biases and normalisation weights (below two axes) have no weight decay.

    Args:
        network: The network, on its device.
        recipe: Optimiser, momentum, weight decay.
    """

    def __init__(self, network: nn.Module, recipe: TrainingConfig) -> None:
        self.recipe = recipe
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        slots = ("momentum",) if recipe.optimizer == "sgd" else ("average", "square")
        self.groups = [
            Group([p for p in self.parameters if p.ndim >= 2], recipe.weight_decay, slots),
            Group([p for p in self.parameters if p.ndim < 2], 0.0, slots),
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
            parameters = [group.parameters[i] for i in places]
            state = {slot: [tensors[i] for i in places] for slot, tensors in group.state.items()}
            if self.recipe.optimizer == "sgd":
                sgd(
                    parameters,
                    grads,
                    list(state["momentum"]),
                    has_sparse_grad=False,
                    fused=True,
                    weight_decay=group.weight_decay,
                    momentum=self.recipe.momentum,
                    lr=rate,
                    dampening=0.0,
                    nesterov=self.recipe.momentum > 0,
                    maximize=False,
                )
            else:
                adamw(
                    parameters,
                    grads,
                    state["average"],
                    state["square"],
                    [],
                    [group.steps[i] for i in places],
                    fused=True,
                    amsgrad=False,
                    beta1=self.recipe.momentum,
                    beta2=ADAM_BETA2,
                    lr=rate,
                    weight_decay=group.weight_decay,
                    eps=ADAM_EPSILON,
                    maximize=False,
                )

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
    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave.

        Raises:
            KeyError: A part is missing.
        """
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
