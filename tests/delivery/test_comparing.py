"""The deciding metric chooses the test, and metrics over some samples are those of the task."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from nasflow.delivery.comparing import comparer, measured
from nasflow.delivery.statistics import compare_accuracy
from nasflow.tasks import Metric
from nasflow.tasks.image_classification import ImageClassification, ImageClassificationOptions


class ByLoss(ImageClassification):
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("loss", "minimize"), Metric("accuracy", "maximize"))


class ByRecall(ImageClassification):
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("balanced_accuracy", "maximize"),)


def answers(sure: float, right: int, count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of three classes that are right for the first samples, and the targets."""
    targets = np.arange(count) % 3
    said = np.where(np.arange(count) < right, targets, (targets + 1) % 3)
    probabilities = np.full((count, 3), (1 - sure) / 2, np.float32)
    probabilities[np.arange(count), said] = sure
    return probabilities, targets


def test_accuracy_is_compared_exactly() -> None:
    assert comparer(ImageClassification(ImageClassificationOptions())) is compare_accuracy


def test_the_loss_decides_where_it_comes_first() -> None:
    """Both are right equally often, so that by accuracy there would be nothing to tell them apart."""
    (sure, targets), (unsure, _) = answers(0.9, 90), answers(0.5, 90)
    compare = comparer(ByLoss(ImageClassificationOptions()))
    found = compare(sure, unsure, targets)
    assert found.test == "paired bootstrap"
    assert found.difference == pytest.approx(np.log(0.9) - np.log(0.5), abs=1e-6)
    assert found.better()
    assert compare_accuracy(sure, unsure, targets).difference == 0
    assert compare(unsure, sure, targets).p_value == 1


def test_the_direction_is_that_of_the_metric() -> None:
    (more, targets), (fewer, _) = answers(0.9, 85), answers(0.9, 60)
    compare = comparer(ByRecall(ImageClassificationOptions()))
    assert compare(more, fewer, targets).better()
    assert compare(fewer, more, targets).difference == pytest.approx(-25 / 90)


def test_the_same_seed_gives_the_same_comparison() -> None:
    (more, targets), (fewer, _) = answers(0.9, 70), answers(0.9, 60)
    task = ByRecall(ImageClassificationOptions())
    assert comparer(task, 3)(more, fewer, targets) == comparer(task, 3)(more, fewer, targets)
    assert comparer(task, 3)(more, fewer, targets) != comparer(task, 4)(more, fewer, targets)


def test_metrics_are_those_of_the_task_over_the_samples_asked_for() -> None:
    task = ImageClassification(ImageClassificationOptions())
    random = np.random.default_rng(0)
    logits = torch.from_numpy(random.normal(size=(60, 4)).astype(np.float32))
    targets = random.integers(0, 4, 60)
    evaluate = measured(task, task.probabilities(logits).numpy(), targets)
    for indices in (np.arange(60), random.integers(0, 60, 25)):
        expected = task.evaluate(logits[indices], torch.from_numpy(targets[indices]))
        assert evaluate(indices) == pytest.approx(expected, abs=1e-5)


def test_a_probability_of_zero_is_no_infinite_loss() -> None:
    probabilities = np.array([[1, 0], [0, 1]], np.float32)
    found = measured(ByLoss(ImageClassificationOptions()), probabilities, np.array([1, 1]))(np.arange(2))
    assert np.isfinite(found["loss"])
