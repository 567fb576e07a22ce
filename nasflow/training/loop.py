"""The one loop that trains every trial, whatever its task.

Everything random in an epoch comes from the trial's seed and the number of the epoch, and the learning rate from the
number of the step: so a training that goes on from a checkpoint gives the same numbers, bit by bit, as one that was
never stopped.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from nasflow.errors import ConfigError, IntegrityError, PluginError, StorageError
from nasflow.ids import seed_of
from nasflow.spaces import cost_of
from nasflow.training.checkpoint import Progress, pack, read_progress, unpack
from nasflow.training.epoch import Epochs, spelled
from nasflow.training.events import EpochFinished, TrialStarted
from nasflow.training.failures import NotFiniteError, classify
from nasflow.training.job import checkpoint_key
from nasflow.training.seeding import seed_everything
from nasflow.training.weights import Weights
from nasflow.trials import EpochPoint, Status, Trial, TrialResult

if TYPE_CHECKING:
    from torch import Tensor

    from nasflow.config import TrainingConfig
    from nasflow.training.bench import Bench
    from nasflow.training.device import Device
    from nasflow.training.samples import Samples

Report = Callable[[TrialStarted | EpochFinished], None]
EVALUATION_BATCHES = 4
"""Validation batches are this many times larger than training batches: they keep no activations."""

log = logging.getLogger("nasflow.training")


def train(trial: Trial, bench: Bench, report: Report, accumulation: int | None = None) -> TrialResult:
    """Train one trial, or what its checkpoint lacks of it; nothing is written but checkpoints.

    Args:
        trial: What to train.
        bench: Data, task, device and store.
        report: Told when the trial starts and after each epoch, once its checkpoint is in the store.
        accumulation: Parts that each batch is cut into; by default those of the checkpoint, or one. A checkpoint with
            another number is not used, so that the result depends on the number alone.

    Returns:
        The result, whatever came of the trial: an exception of the network's or the task's code is a failed result.

    Raises:
        StorageError: The store cannot be read or written.
        PluginError: The family is unknown.
    """
    progress = _progress(trial, bench, accumulation)
    report(TrialStarted(trial.id, time.time(), bench.worker, progress.epoch))
    work = Training(trial, bench, progress)
    cost: dict[str, float] = {}
    status, cause = Status.COMPLETED, ""
    try:
        cost = work.cost()
        work.prepare()
        while not work.over:
            work.epoch()
            work.save()
            report(EpochFinished(trial.id, work.progress.curve[-1]))
    except (StorageError, PluginError, ConfigError):
        raise
    except Exception as error:  # whatever a stranger's network does is a result
        status, cause = classify(error)
    metrics = work.progress.metrics if status is Status.COMPLETED else {}
    if metrics and work.progress.accumulation > 1:
        metrics = {**metrics, "accumulation": work.progress.accumulation}
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

    @property
    def over(self) -> bool:
        """Whether the trial has had all its epochs, or none has been better than an earlier one for too long."""
        return self.trial.fidelity.stops_at(self.progress.epoch, self.progress.best)

    def cost(self) -> dict[str, float]:
        """Return parameters and FLOPs."""
        cost = cost_of(self.trial.architecture, self.bench.task.io(self.bench.bundle))
        return {"parameters": cost.parameters, "flops": cost.flops}

    def prepare(self) -> None:
        """Build network and optimiser, and take the checkpoint's state where there is one."""
        self._build()
        if self.progress.epoch == 0:
            if self.trial.start is not None:
                self.weights.begin_with(self._read(self.trial.start)[1]["network"])
            return
        try:
            self.progress, parts = self._read(self.trial.id)
            self.weights.restore(parts, self.over)
        except (IntegrityError, KeyError, RuntimeError) as error:
            log.warning("trial %s starts anew, since its checkpoint cannot be used: %s", self.trial.id, error)
            self.progress = replace(self.progress, curve=(), metrics={}, best=0)
            self._build()

    def epoch(self) -> None:
        """Train one epoch and evaluate on validation.

        Raises:
            NotFiniteError: A loss or metric became NaN or infinite.
        """
        number, started_at = self.progress.epoch + 1, time.time()
        seed_everything(seed_of(self.trial.seed, "epoch", number))
        trained = self.epochs.train(self.weights, number)
        found = {f"val_{name}": float(value) for name, value in self._validate().items()}
        found["train_loss"] = trained.loss
        for name, value in found.items():
            if not math.isfinite(value):
                raise NotFiniteError(f"{name} became {spelled(value)} in epoch {number}")
        shown = {"learning_rate": trained.rate}
        if self.recipe.progressive is not None:
            shown["image_size"] = trained.size
        point = EpochPoint(number, found | shown, started_at, time.time())
        self.progress = self._after(point, found)

    def save(self) -> None:
        """Write the checkpoint; at the end of the schedule without the optimiser's state, which nothing can need then.

        Until then the disk is not waited for: a file that a power failure damages is one epoch's work, done again.

        Raises:
            StorageError: The store cannot be written.
        """
        fidelity = self.trial.fidelity
        over = self.over and (fidelity.patience is not None or self.progress.epoch >= fidelity.horizon)
        content = pack(self.progress, self.weights.parts(over))
        self.bench.store.put(checkpoint_key(self.trial.id), content, durable=over)

    def _build(self) -> None:
        seed_everything(seed_of(self.trial.seed, "weights"))
        device = self.bench.device.torch_device
        network = self.bench.task.network(self.trial.architecture, self.bench.bundle)
        self.weights = Weights(network.to(device).to(memory_format=torch.channels_last), self.recipe)
        self.epochs = Epochs(self.trial, self.bench, self.recipe, self.progress.accumulation)

    def _read(self, trial_id: str) -> tuple[Progress, dict[str, dict[str, Tensor]]]:
        key = checkpoint_key(trial_id)
        content = self.bench.store.get(key)
        if content is None:
            raise IntegrityError(f"the checkpoint '{key}' is gone from the store; train that trial again first.")
        return unpack(key, content)

    def _validate(self) -> Mapping[str, float]:
        size = evaluation_batch(self.recipe, self.progress.accumulation)
        with self.weights.evaluated():
            logits = predict_logits(self.weights.network, self.bench.device, self.bench.val, size)
        return self.bench.task.evaluate(logits, self.bench.val.targets)

    def _after(self, point: EpochPoint, found: Mapping[str, float]) -> Progress:
        """Return the progress after an epoch; where training may end early, keep the weights of the best one."""
        after = replace(self.progress, curve=(*self.progress.curve, point))
        patience = self.trial.fidelity.patience
        if patience is None:
            return replace(after, metrics=found)
        name = patience.metric
        if self.progress.best and not patience.improves(found[name], self.progress.metrics[name]):
            return after
        self.weights.keep_best()
        return replace(after, metrics=found, best=point.epoch)


def evaluation_batch(recipe: TrainingConfig, parts: int) -> int:
    """Return how many samples are evaluated at once: fewer where the batches of training did not fit in memory.

    Args:
        recipe: How the network is trained.
        parts: Parts that each batch of its training is cut into.
    """
    return max(1, EVALUATION_BATCHES * recipe.batch_size // parts)


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


def _progress(trial: Trial, bench: Bench, accumulation: int | None) -> Progress:
    """Return how far the trial's checkpoint is; at the beginning where there is none or it cannot be used."""
    key = checkpoint_key(trial.id)
    new = Progress(trial.id, (), {}, time.time(), accumulation=accumulation or 1)
    try:
        content = bench.store.get(key)
        if content is None:
            return new
        found = read_progress(key, content)
    except IntegrityError as error:
        log.warning("trial %s starts anew: %s", trial.id, error)
        return new
    fits = found.trial_id == trial.id and found.epoch <= trial.fidelity.epochs
    return found if fits and accumulation in (None, found.accumulation) else new
