"""The one loop that trains every trial, whatever its task.

Everything random in an epoch comes from the trial's seed and the number of the epoch, and the learning rate from the
number of the step: so a training that goes on from a checkpoint gives the same numbers, bit by bit, as one that was
never stopped.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from nasflow.errors import ConfigError, IntegrityError, PluginError, StorageError
from nasflow.ids import seed_of
from nasflow.spaces import cost_of
from nasflow.training.checkpoint import Progress, pack, read_progress, unpack
from nasflow.training.events import EpochFinished, TrialStarted
from nasflow.training.failures import NotFiniteError, classify
from nasflow.training.job import checkpoint_key
from nasflow.training.optimisation import Optimizer, learning_rate
from nasflow.training.samples import batches, step_count, used_samples
from nasflow.trials import EpochPoint, Status, Trial, TrialResult

if TYPE_CHECKING:
    from torch import Tensor

    from nasflow.config import TrainingConfig
    from nasflow.training.bench import Bench
    from nasflow.training.device import Device
    from nasflow.training.samples import Samples

Report = Callable[[TrialStarted | EpochFinished], None]
CHECK_EVERY = 50
"""Steps after which the losses are looked at, beside the end of an epoch: each look waits for the device."""
EVALUATION_BATCHES = 4
"""Validation batches are this many times larger than training batches: they keep no activations."""

log = logging.getLogger("nasflow.training")


def train(trial: Trial, bench: Bench, report: Report) -> TrialResult:
    """Train one trial, or what its checkpoint lacks of it; nothing is written but checkpoints.

    Args:
        trial: What to train.
        bench: Data, task, device and store.
        report: Told when the trial starts and after each epoch, once its checkpoint is in the store.

    Returns:
        The result, whatever came of the trial: an exception of the network's or the task's code is a failed result.

    Raises:
        StorageError: The store cannot be read or written.
        PluginError: The family is unknown.
    """
    progress = _progress(trial, bench)
    report(TrialStarted(trial.id, time.time(), bench.worker, progress.epoch))
    work = Training(trial, bench, progress)
    cost: dict[str, float] = {}
    status, cause = Status.COMPLETED, ""
    try:
        cost = work.cost()
        work.prepare()
        while work.progress.epoch < trial.fidelity.epochs:
            work.epoch()
            work.save()
            report(EpochFinished(trial.id, work.progress.curve[-1]))
    except (StorageError, PluginError, ConfigError):
        raise
    except Exception as error:  # whatever a stranger's network does is a result
        status, cause = classify(error)
    metrics = work.progress.metrics if status is Status.COMPLETED else {}
    return TrialResult(
        trial_id=trial.id,
        status=status,
        metrics={**metrics, **cost, "train_seconds": train_seconds(work.progress.curve)},
        curve=work.progress.curve,
        cause=cause,
        started_at=work.progress.started_at,
        finished_at=time.time(),
        device=bench.device.kind,
    )


def train_seconds(curve: tuple[EpochPoint, ...]) -> float:
    """Return the seconds that the epochs of a curve took, over all attempts."""
    return sum(point.finished_at - point.started_at for point in curve)


class Training:
    """A trial under way.

    Args:
        trial: What is trained.
        bench: Data, task, device and store.
        progress: What of it is done.
    """

    def __init__(self, trial: Trial, bench: Bench, progress: Progress) -> None:
        self.trial, self.bench, self.progress = trial, bench, progress
        self.recipe = bench.job.config.training.with_choices(trial.architecture.recipe)
        self.io = bench.task.io(bench.bundle)
        self.samples = used_samples(len(bench.train), trial.fidelity.data_fraction)
        self.steps = step_count(self.samples, self.recipe.batch_size)

    def cost(self) -> dict[str, float]:
        """Return parameters and FLOPs."""
        architecture = self.trial.architecture
        cost = cost_of(architecture, self.io)
        return {"parameters": cost.parameters, "flops": cost.flops}

    def prepare(self) -> None:
        """Build network and optimiser, and take the checkpoint's state where there is one."""
        self._build()
        if self.progress.epoch == 0:
            self._take_start_weights()
            return
        try:
            self._restore()
        except (IntegrityError, KeyError, RuntimeError) as error:
            log.warning("trial %s starts anew, since its checkpoint cannot be used: %s", self.trial.id, error)
            self.progress = replace(self.progress, curve=(), metrics={})
            self._build()

    def epoch(self) -> None:
        """Train one epoch and evaluate on validation.

        Raises:
            NotFiniteError: A loss or metric became NaN or infinite.
        """
        number, started_at = self.progress.epoch + 1, time.time()
        seed_everything(seed_of(self.trial.seed, "epoch", number))
        train_loss, rate = self._train(number)
        found = {f"val_{name}": float(value) for name, value in self._validate().items()}
        found["train_loss"] = train_loss
        for name, value in found.items():
            if not math.isfinite(value):
                raise NotFiniteError(f"{name} became {_spelled(value)} in epoch {number}")
        point = EpochPoint(number, found | {"learning_rate": rate}, started_at, time.time())
        self.progress = replace(self.progress, curve=(*self.progress.curve, point), metrics=found)

    def save(self) -> None:
        """Write the checkpoint; at the end of the schedule without the optimiser's state, which nothing can need then.

        Raises:
            StorageError: The store cannot be written.
        """
        over = self.progress.epoch >= self.trial.fidelity.horizon
        content = pack(self.progress, self.network.state_dict(), {} if over else self.optimizer.state())
        self.bench.store.put(checkpoint_key(self.trial.id), content)

    def _build(self) -> None:
        seed_everything(seed_of(self.trial.seed, "weights"))
        device = self.bench.device.torch_device
        network = self.bench.task.network(self.trial.architecture, self.bench.bundle)
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.optimizer = Optimizer(self.network, self.recipe)
        self.loss = self.bench.task.loss(self.recipe)
        self.augment = self.bench.task.augmenter(self.recipe, self.io)

    def _take_start_weights(self) -> None:
        if self.trial.start is not None:
            self.network.load_state_dict(self._read(self.trial.start)[1])

    def _restore(self) -> None:
        self.progress, network, optimizer = self._read(self.trial.id)
        self.network.load_state_dict(network)
        if self.progress.epoch < self.trial.fidelity.epochs:
            self.optimizer.load_state(optimizer)

    def _read(self, trial_id: str) -> tuple[Progress, dict[str, Tensor], dict[str, Tensor]]:
        key = checkpoint_key(trial_id)
        content = self.bench.store.get(key)
        if content is None:
            raise IntegrityError(f"the checkpoint '{key}' is gone from the store; train that trial again first.")
        return unpack(key, content)

    def _train(self, number: int) -> tuple[float, float]:
        """Return the mean loss over the samples, and the last learning rate."""
        device = self.bench.device
        order = torch.randperm(self.samples, generator=generator(torch.device("cpu"), self.trial.seed, "order", number))
        changes = generator(device.torch_device, self.trial.seed, "augment", number)
        parts = batches(order, self.recipe.batch_size)
        losses = torch.zeros(len(parts), device=device.torch_device)
        done, total = (number - 1) * self.steps, self.trial.fidelity.horizon * self.steps
        rate = 0.0
        self.network.train()
        for step, places in enumerate(parts):
            images, targets = self.bench.train.batch(places)
            images = self.augment(images, changes)
            self.optimizer.zero_grad()
            with device.autocast():
                loss = self.loss(self.network(images), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            if self.recipe.clip_norm is not None:
                self.optimizer.clip(self.recipe.clip_norm)
            rate = learning_rate(self.recipe, done + step, total)
            self.optimizer.step(rate)
            losses[step] = loss.detach()
            if (step + 1) % CHECK_EVERY == 0 or step + 1 == len(parts):
                check_losses(losses[: step + 1], number)
        weights = torch.tensor([len(places) for places in parts], dtype=torch.float64)
        return float((losses.double().cpu() * weights).sum() / weights.sum()), rate

    def _validate(self) -> Mapping[str, float]:
        size = evaluation_batch(self.recipe)
        logits = predict_logits(self.network, self.bench.device, self.bench.val, size)
        return self.bench.task.evaluate(logits, self.bench.val.targets)


def evaluation_batch(recipe: TrainingConfig) -> int:
    """Return how many samples are evaluated at once."""
    return EVALUATION_BATCHES * recipe.batch_size


@torch.inference_mode()
def predict_logits(network: torch.nn.Module, device: Device, samples: Samples, size: int) -> Tensor:
    """Return the logits of all samples in their order, the network in evaluation mode.

    Args:
        network: On the device.
        device: The device.
        samples: On the device.
        size: Samples at once.

    Returns:
        float32 (N, outputs), on the device.
    """
    network.eval()
    parts = []
    for images, _ in samples.in_order(size):
        with device.autocast():
            parts.append(network(images).float())
    return torch.cat(parts)


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
        what = _spelled(float(losses[step]))
        raise NotFiniteError(f"the training loss became {what} in epoch {epoch}, step {step + 1}")


def seed_everything(seed: int) -> None:
    """Seed every generator that a network's code may draw from."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def generator(device: torch.device, *parts: int | str) -> torch.Generator:
    """Return a generator of its own on a device, seeded by any parts."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"


def _progress(trial: Trial, bench: Bench) -> Progress:
    """Return how far the trial's checkpoint is; at the beginning where there is none or it cannot be read."""
    key = checkpoint_key(trial.id)
    new = Progress(trial.id, (), {}, time.time())
    try:
        content = bench.store.get(key)
        if content is None:
            return new
        found = read_progress(key, content)
    except IntegrityError as error:
        log.warning("trial %s starts anew: %s", trial.id, error)
        return new
    return found if found.trial_id == trial.id and found.epoch <= trial.fidelity.epochs else new
