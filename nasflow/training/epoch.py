"""One epoch of training: batches in their order, steps, and losses that are looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nasflow.training.failures import NotFiniteError
from nasflow.training.optimisation import learning_rate
from nasflow.training.progression import image_size
from nasflow.training.samples import batches, drawn_order, step_count
from nasflow.training.seeding import generator

if TYPE_CHECKING:
    from torch import Tensor

    from nasflow.config import TrainingConfig
    from nasflow.training.bench import Bench
    from nasflow.training.weights import Weights
    from nasflow.trials import Trial

CHECK_EVERY = 50
"""Steps after which the losses are looked at, beside the end of an epoch: each look waits for the device."""


@dataclass(frozen=True)
class Trained:
    """What an epoch of training says of itself.

    Attributes:
        loss: Mean training loss over its samples.
        rate: Learning rate of its last step.
        size: Height and width of its images in pixels.
    """

    loss: float
    rate: float
    size: int


class Epochs:
    """Trains the weights of a trial, epoch by epoch.

    Args:
        trial: What is trained.
        bench: Data, task and device.
        recipe: How it is trained.
        parts: Parts that each batch is cut into. Their gradients add up to that of the batch, but batch normalisation
            sees one part at a time, and dropout draws for each.

    Attributes:
        samples: Training samples that the trial sees.
        steps: Steps of an epoch.
    """

    def __init__(self, trial: Trial, bench: Bench, recipe: TrainingConfig, parts: int) -> None:
        self.trial, self.bench, self.recipe, self.parts = trial, bench, recipe, parts
        self.samples = trial.fidelity.samples(len(bench.train))
        self.steps = step_count(self.samples, recipe.batch_size)
        targets = bench.train.targets[: self.samples]
        self.io = bench.task.io(bench.bundle)
        self.augment = bench.task.augmenter(recipe, bench.bundle)
        self.loss = bench.task.loss(recipe, self.io, targets)
        self.weights = bench.task.sample_weights(targets).cpu() if recipe.balance == "sampler" else None

    def train(self, weights: Weights, number: int) -> Trained:
        """Train one epoch.

        Args:
            weights: What is trained.
            number: Number of the epoch, from 1.

        Raises:
            NotFiniteError: A loss became NaN or infinite.
        """
        device, horizon = self.bench.device.torch_device, self.trial.fidelity.horizon
        changes = generator(device, self.trial.seed, "augment", number)
        order = batches(self._order(number), self.recipe.batch_size)
        size, progressive = self.io.size, self.recipe.progressive
        if progressive is not None:
            size = image_size(progressive, size, number, horizon)
        losses = torch.zeros(len(order), device=device)
        done, rate = (number - 1) * self.steps, 0.0
        weights.network.train()
        for step, places in enumerate(order):
            images, targets = self.augment(*self.bench.train.batch(places), changes, size)
            losses[step] = self._gradients(weights, images, targets)
            if self.recipe.clip_norm is not None:
                weights.optimizer.clip(self.recipe.clip_norm)
            rate = learning_rate(self.recipe, done + step, horizon * self.steps)
            weights.step(rate, done + step)
            if (step + 1) % CHECK_EVERY == 0 or step + 1 == len(order):
                check_losses(losses[: step + 1], number)
        counts = torch.tensor([len(places) for places in order], dtype=torch.float64)
        return Trained(float((losses.double().cpu() * counts).sum() / counts.sum()), rate, size)

    def _order(self, number: int) -> Tensor:
        chance = generator(torch.device("cpu"), self.trial.seed, "order", number)
        return drawn_order(self.samples, self.weights, chance)

    def _gradients(self, weights: Weights, images: Tensor, targets: Tensor) -> Tensor:
        """Leave the gradients of a batch at the parameters, and return its loss."""
        weights.optimizer.zero_grad()
        parts = max(1, min(self.parts, len(images) // 2))
        if parts == 1:
            return self._backward(weights, images, targets, 1.0)
        pieces = zip(images.tensor_split(parts), targets.tensor_split(parts), strict=True)
        losses = [self._backward(weights, x, y, len(x) / len(images)) for x, y in pieces]
        return torch.stack(losses).sum()

    def _backward(self, weights: Weights, images: Tensor, targets: Tensor, share: float) -> Tensor:
        with self.bench.device.autocast():
            loss = self.loss(weights.network(images), targets)
            if share != 1.0:
                loss = loss * share
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def check_losses(losses: Tensor, epoch: int) -> None:
    """Refuse losses that are not finite.

    Args:
        losses: float (n,), one for each step of the epoch so far.
        epoch: Number of the epoch, for the message.

    Raises:
        NotFiniteError: One is NaN or infinite; the first one is named.
    """
    finite = losses.isfinite()
    if not finite.all():
        step = int((~finite).nonzero()[0])
        raise NotFiniteError(
            f"the training loss became {spelled(float(losses[step]))} in epoch {epoch}, step {step + 1}"
        )


def spelled(value: float) -> str:
    """Return how a value that is not finite is called."""
    return "NaN" if math.isnan(value) else "infinite"
