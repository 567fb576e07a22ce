"""Statistics are exact, and meta-features say what they mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nasflow.data.meta import Statistics, meta_features, statistics


def images(count: int, size: int = 8, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 10, 5000])
def test_statistics_are_those_of_numpy(count: int, channels: int) -> None:
    pixels = images(count, 5, channels)
    found = statistics(pixels)
    assert found.mean == pytest.approx(pixels.mean(axis=(0, 1, 2)), abs=1e-9)
    assert found.std == pytest.approx(pixels.std(axis=(0, 1, 2)), abs=1e-6)


def test_constant_images_can_be_divided_by_their_deviation() -> None:
    found = statistics(np.full((4, 8, 8, 1), 7, dtype=np.uint8))
    assert found == Statistics((7.0,), (1.0,))


def features(train: np.ndarray, labels: np.ndarray, val: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    counts = np.bincount(labels).tolist()
    return meta_features(counts, statistics(train), (train, labels), (val, truth))


def test_counts_of_samples_and_classes() -> None:
    labels = np.array([0] * 60 + [1] * 20 + [2] * 20)
    found = features(images(100), labels, images(30, seed=1), np.arange(30) % 3)
    assert found["samples"] == 100
    assert found["classes"] == 3
    assert found["samples_per_class"] == pytest.approx(100 / 3, abs=1e-3)
    assert found["imbalance"] == 3
    entropy = -(0.6 * math.log(0.6) + 0.4 * math.log(0.2)) / math.log(3)
    assert found["class_entropy"] == pytest.approx(entropy, abs=1e-4)
    assert (found["size"], found["channels"]) == (8, 3)


def test_landmarks_of_an_easy_task() -> None:
    """Dark against bright images."""
    labels, truth = np.arange(200) % 2, np.arange(60) % 2
    train = (images(200) // 4 + 150 * labels[:, None, None, None]).astype(np.uint8)
    val = (images(60, seed=1) // 4 + 150 * truth[:, None, None, None]).astype(np.uint8)
    found = features(train, labels, val, truth)
    assert found["linear_accuracy"] == 1
    assert found["neighbour_accuracy"] == 1


def test_landmarks_of_noise_are_chance() -> None:
    """A fair coin thrown 400 times, within six standard deviations (0.15): false once in five hundred million."""
    found = features(images(500), np.arange(500) % 2, images(400, seed=1), np.arange(400) % 2)
    assert abs(found["linear_accuracy"] - 0.5) < 0.15
    assert abs(found["neighbour_accuracy"] - 0.5) < 0.15


def test_a_task_that_only_the_neighbour_solves() -> None:
    """Exclusive or of two halves of the image: no line parts the classes."""
    corners = np.random.default_rng(0).integers(0, 2, (400, 2))
    pixels = np.zeros((400, 8, 8, 1), dtype=np.uint8)
    pixels[:, :, :4] = corners[:, 0, None, None, None] * 200
    pixels[:, :, 4:] = corners[:, 1, None, None, None] * 200
    labels = corners[:, 0] ^ corners[:, 1]
    found = features(pixels[:300], labels[:300], pixels[300:], labels[300:])
    assert found["neighbour_accuracy"] == 1
    assert found["linear_accuracy"] < 0.9


@pytest.mark.parametrize("size", [8, 9, 11, 100])
def test_any_size_shrinks(size: int) -> None:
    found = features(images(40, size), np.arange(40) % 2, images(20, size, seed=1), np.arange(20) % 2)
    assert all(math.isfinite(value) for value in found.values())


def test_they_repeat() -> None:
    arguments = (images(300), np.arange(300) % 3, images(50, seed=1), np.arange(50) % 3)
    assert features(*arguments) == features(*arguments)
