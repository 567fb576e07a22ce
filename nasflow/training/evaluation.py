"""Trained networks taken from the store again, and what they say of a split."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from nasflow.data.bundle import DataBundle
from nasflow.data.protocol import Split
from nasflow.errors import IntegrityError
from nasflow.storage import open_store
from nasflow.tasks.loading import load_task
from nasflow.training.checkpoint import Progress, unpack
from nasflow.training.device import Device, open_device
from nasflow.training.job import TrainingJob, checkpoint_key
from nasflow.training.loop import evaluation_batch, predict_logits
from nasflow.training.samples import Samples
from nasflow.trials import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def load_network(trial: Trial, job: TrainingJob) -> torch.nn.Module:
    """Return the trained network of a trial, on the CPU, in evaluation mode.

    Args:
        trial: A completed trial whose weights were kept.
        job: The job that it was trained by.

    Raises:
        IntegrityError: Its weights are not in the store, are damaged, or are those of another network.
    """
    return _load(trial, job)[1]


def _load(trial: Trial, job: TrainingJob) -> tuple[Progress, torch.nn.Module]:
    """Return how a trial was trained, and its network; see `load_network`."""
    key = checkpoint_key(trial.id)
    content = open_store(job.store_url).get(key)
    if content is None:
        raise IntegrityError(f"the weights '{key}' are not in the store {job.store_url}; train the trial again, kept.")
    progress, parts = unpack(key, content)
    if not trial.fidelity.stops_at(progress.epoch, progress.best):
        raise IntegrityError(
            f"the weights '{key}' are those after {progress.epoch} of {trial.fidelity.epochs} epochs; "
            f"run the same command again to finish the training."
        )
    network = load_task(job.config).network(trial.architecture, DataBundle.open(job.bundle, verify=False))
    try:
        network.load_state_dict(parts["network"])
    except RuntimeError as error:
        raise IntegrityError(f"the weights '{key}' do not fit the network of trial {trial.id}: {error}") from error
    return progress, network.eval()


def predict(trial: Trial, job: TrainingJob, split: Split) -> NDArray[np.float32]:
    """Return the probabilities that a trained network gives to each sample of a split: float32 (N, outputs).

    Raises:
        IntegrityError: The weights cannot be had; see `load_network`.
    """
    return evaluate(trial, job, split)[1]


def evaluate(trial: Trial, job: TrainingJob, split: Split) -> tuple[dict[str, float], NDArray[np.float32]]:
    """Return a trained network's metrics on a split, as in `test_accuracy`, and its probabilities.

    Args:
        trial: A completed trial whose weights were kept.
        job: The job that it was trained by.
        split: The samples to look at.

    Returns:
        The metrics by name with the split in front; probabilities, float32 (N, outputs), in the order of the bundle.

    Raises:
        IntegrityError: The weights cannot be had; see `load_network`.
    """
    device = open_device(job.config.resources)
    task = load_task(job.config)
    samples = Samples(DataBundle.open(job.bundle, verify=False), split, device.torch_device)
    progress, network = _load(trial, job)
    network = network.to(device.torch_device).to(memory_format=torch.channels_last)
    size = evaluation_batch(job.config.training.with_choices(trial.architecture.recipe), progress.accumulation)
    with _threads(job.config.parallelism.threads, device):
        logits = predict_logits(network, device, samples, size)
        found = task.evaluate(logits, samples.targets)
        probabilities: NDArray[np.float32] = task.probabilities(logits).cpu().numpy()
    return {f"{split}_{name}": float(value) for name, value in found.items()}, probabilities


@contextlib.contextmanager
def _threads(count: int, device: Device) -> Iterator[None]:
    """Compute as the workers do, and leave the calling process as it was."""
    before = torch.get_num_threads()
    if device.torch_device.type == "cpu":
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
