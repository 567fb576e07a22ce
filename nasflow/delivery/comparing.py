"""How two networks are compared: by the test that suits the deciding metric of the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasflow.delivery.statistics import Comparison, Indices, compare_accuracy, paired_bootstrap

if TYPE_CHECKING:
    from nasflow.tasks import Task

Compare = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], Comparison]
"""From the probabilities of two networks for the same samples, and the targets, to their comparison."""

_TINY = 1e-12
"""Probabilities below this count as this, so that their logarithm is finite."""


def comparer(task: Task, seed: int = 0) -> Compare:
    """Return how networks are compared on a task's first metric: accuracy exactly, any other metric by bootstrap.

    Args:
        task: What is learned.
        seed: Of the bootstrap's draws.
    """
    deciding = task.metrics[0]
    if deciding.name == "accuracy":
        return compare_accuracy

    def compare(first: NDArray[np.float32], second: NDArray[np.float32], targets: NDArray[np.int64]) -> Comparison:
        ours, theirs = (measured(task, answers, targets) for answers in (first, second))
        return paired_bootstrap(
            lambda indices: ours(indices)[deciding.name],
            lambda indices: theirs(indices)[deciding.name],
            len(targets),
            deciding.direction,
            seed,
        )

    return compare


def measured(
    task: Task, probabilities: NDArray[np.float32], targets: NDArray[np.int64]
) -> Callable[[Indices], Mapping[str, float]]:
    """Return a function from some of the samples to all metrics of a task over them.

    Args:
        task: What is learned.
        probabilities: Of a network, float32 (N, outputs).
        targets: int64 (N,).
    """
    import torch

    logits = torch.from_numpy(np.log(np.clip(probabilities, _TINY, 1.0)))
    labels = torch.from_numpy(np.array(targets))

    def evaluate(indices: Indices) -> Mapping[str, float]:
        chosen = torch.from_numpy(indices)
        return task.evaluate(logits[chosen], labels[chosen])

    return evaluate
