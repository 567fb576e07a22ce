"""Numbers that say what kind of data this is: statistics of the pixels, and meta-features of the task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4096
_LANDMARK_TRAIN = 2000
_LANDMARK_VAL = 1000
_LANDMARK_SIDE = 8
_RIDGE = 1.0


@dataclass(frozen=True)
class Statistics:
    """Statistics of each channel over the images, in [0, 255]; a constant channel has the deviation 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def statistics(images: NDArray[np.uint8]) -> Statistics:
    """Return mean and standard deviation of each channel, exact, from the counts of the 256 levels.

    Args:
        images: uint8 (N, H, W, C), N at least 1, perhaps memory-mapped: it is read once, in blocks.
    """
    channels = images.shape[-1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        for channel in range(channels):
            counts[channel] += np.bincount(block[..., channel].ravel(), minlength=256)
    levels = np.arange(256, dtype=np.float64)
    total = counts.sum(axis=1)
    mean = counts @ levels / total
    variance = np.maximum(counts @ levels**2 / total - mean**2, 0.0)
    return Statistics(tuple(mean.tolist()), tuple(np.maximum(np.sqrt(variance), 1.0).tolist()))


def meta_features(
    counts: Sequence[int],
    statistics: Statistics,
    train: tuple[NDArray[np.uint8], NDArray[np.int64]],
    val: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> dict[str, float]:
    """Return the meta-features of a classification task.

    Args:
        counts: Training samples of each class.
        statistics: Of the training images.
        train: Images uint8 (N, H, W, C) and labels (N,), in random order; the landmarks see the first 2,000.
        val: The same for validation; the landmarks see the first 1,000.

    Returns:
        `samples`, `classes`, `samples_per_class`, `imbalance` (largest class over smallest), `class_entropy` (1 where
        the classes are equal), `size`, `channels`, `mean`, `std` (over the channels, in [0, 1]), and the landmarks of
        Pfahringer et al. (2000): `linear_accuracy`, of ridge regression on the classes, and `neighbour_accuracy`, of
        the nearest neighbour, on images shrunk to 8 × 8. Rounded, so that the order of a sum does not show.
    """
    shares = np.asarray(counts, dtype=np.float64) / sum(counts)
    images = train[0]
    values = {
        "samples": float(sum(counts)),
        "classes": float(len(counts)),
        "samples_per_class": sum(counts) / len(counts),
        "imbalance": max(counts) / min(counts),
        "class_entropy": float(-(shares * np.log(shares)).sum()) / math.log(len(counts)),
        "size": float(images.shape[1]),
        "channels": float(images.shape[3]),
        "mean": sum(statistics.mean) / len(statistics.mean) / 255,
        "std": sum(statistics.std) / len(statistics.std) / 255,
        **_landmarks(len(counts), train, val),
    }
    return {name: round(value, 4) for name, value in values.items()}


def _landmarks(
    classes: int,
    train: tuple[NDArray[np.uint8], NDArray[np.int64]],
    val: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> dict[str, float]:
    x, y = _features(train[0][:_LANDMARK_TRAIN]), train[1][:_LANDMARK_TRAIN]
    probe, truth = _features(val[0][:_LANDMARK_VAL]), val[1][:_LANDMARK_VAL]
    centre = x.mean(axis=0)
    x, probe = x - centre, probe - centre
    goal = np.eye(classes)[y]
    weights = np.linalg.solve(x.T @ x + _RIDGE * len(x) / 100 * np.eye(x.shape[1]), x.T @ (goal - goal.mean(axis=0)))
    linear = (probe @ weights + goal.mean(axis=0)).argmax(axis=1)
    distance = (x**2).sum(axis=1)[None, :] - 2 * probe @ x.T
    return {
        "linear_accuracy": float((linear == truth).mean()),
        "neighbour_accuracy": float((y[distance.argmin(axis=1)] == truth).mean()),
    }


def _features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Average images over a grid of at most 8 × 8 cells: float64 (N, cells × channels), in [0, 1]."""
    side = images.shape[1]
    edges = np.unique(np.arange(_LANDMARK_SIDE) * side // _LANDMARK_SIDE)
    extent = np.diff(np.append(edges, side)).astype(np.float64)
    cells = np.add.reduceat(images, edges, axis=1, dtype=np.float64)
    cells = np.add.reduceat(cells, edges, axis=2) / (extent[:, None, None] * extent[None, :, None])
    result: NDArray[np.float64] = (cells / 255).reshape(len(images), -1)
    return result
