"""How fast networks train on this machine, and what follows for trainings that are still to come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Self

from nasflow.config import TrainingConfig
from nasflow.training.progression import image_size
from nasflow.trials import EpochPoint

FORWARD_SHARE = 1 / 3
"""What evaluating a sample costs of what training on it does: one pass of three."""

NORMAL_STARTUP = 2.2
"""Seconds until the first trial of a task begins, on the machine and in the quiet that `engine.hours` was measured."""

_LEAST_SPREAD = 0.1
"""Sum of squares of logarithms of FLOPs below which networks are too much alike to tell a slope from."""


def load_of(train: int, val: int, share: float = 1.0) -> float:
    """Return the work of an epoch, in training samples, with that of the evaluation after it.

    Args:
        train: Training samples.
        val: Validation samples.
        share: Share of the work that is left for training samples, where their images are smaller.
    """
    return share * train + FORWARD_SHARE * val


def shrinking(recipe: TrainingConfig, size: int, epochs: int) -> float:
    """Return the share of the work that is left where training begins with smaller images.

    Args:
        recipe: How it is trained.
        size: Height and width of whole images.
        epochs: Epochs of the schedule.
    """
    if recipe.progressive is None:
        return 1.0
    return fmean((image_size(recipe.progressive, size, n, epochs) / size) ** 2 for n in range(1, epochs + 1))


@dataclass(frozen=True)
class Timing:
    """How long the training of one network takes.

    Attributes:
        flops: Of one sample.
        sample_seconds: Seconds for a training sample, or for the evaluation of three.
        between: Seconds between two epochs, for the checkpoint.
        start: Seconds before the first epoch, and those by which it is slower than the others.
    """

    flops: float
    sample_seconds: float
    between: float = 0.0
    start: float = 0.0

    @classmethod
    def of(cls, flops: float, points: Sequence[EpochPoint], started_at: float, loads: Sequence[float]) -> Self:
        """Return the timing of a training by what its epochs took; the first one is left out where there are others.

        Args:
            flops: Of one sample.
            points: Its epochs, at least one.
            started_at: When it began, in Unix seconds.
            loads: Work of each epoch, as `load_of` gives it.
        """
        spans = [(p.finished_at - p.started_at) / load for p, load in zip(points, loads, strict=True)]
        sample_seconds = median(spans[1:] or spans)
        steady = sample_seconds * loads[0]
        gaps = [after.started_at - before.finished_at for before, after in pairwise(points)]
        start = max(0.0, points[0].finished_at - started_at - steady)
        return cls(flops, sample_seconds, max(0.0, median(gaps)) if gaps else 0.0, min(start, 5.0 + steady))

    def seconds(self, epochs: int, load: float) -> float:
        """Return how long a training takes.

        Args:
            epochs: Its epochs.
            load: Work of an epoch.
        """
        return self.start + epochs * (self.sample_seconds * load + self.between)


@dataclass(frozen=True)
class Pace:
    """What was measured of a space on this machine.

    Attributes:
        networks: Some of its networks, trained as trials are, as many at the same time as there are workers.
        reference: The reference network, trained likewise.
        final_scale: How many times as long a sample takes in a full training, with its own threads and workers.
        startup: Seconds until the first trial of a task begins.
    """

    networks: tuple[Timing, ...]
    reference: Timing
    final_scale: float
    startup: float

    @property
    def slowness(self) -> float:
        """How many times as long as usual it takes to start processes now, in [1, 6]."""
        return slowness(self.startup)

    @cached_property
    def _line(self) -> tuple[float, float]:
        """Slope and offset of the logarithm of a sample's seconds over that of FLOPs, by least squares."""
        x = [math.log(max(1.0, timing.flops)) for timing in self.networks]
        y = [math.log(max(1e-9, timing.sample_seconds)) for timing in self.networks]
        spread = sum((one - fmean(x)) ** 2 for one in x)
        slope = 1.0
        if spread > _LEAST_SPREAD:
            slope = sum((a - fmean(x)) * (b - fmean(y)) for a, b in zip(x, y, strict=True)) / spread
        slope = min(1.1, max(0.0, slope))
        return slope, fmean(y) - slope * fmean(x)

    def timing(self, flops: float) -> Timing:
        """Return what a network of so many FLOPs is expected to take."""
        slope, offset = self._line
        between, start = (fmean(getattr(timing, part) for timing in self.networks) for part in ("between", "start"))
        return Timing(flops, math.exp(offset + slope * math.log(max(1.0, flops))), between, start)

    def to_json(self) -> dict[str, Any]:
        """Return the pace as JSON-compatible data."""
        return {"schema_version": 1, **asdict(self)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Read back what `to_json` gave."""
        networks = tuple(Timing(**timing) for timing in document["networks"])
        return cls(networks, Timing(**document["reference"]), document["final_scale"], document["startup"])


def slowness(startup: float) -> float:
    """Return how many times as long as usual it takes to start processes, in [1, 6].

    Args:
        startup: Seconds until the first trial of a task began.
    """
    return min(6.0, max(1.0, startup / NORMAL_STARTUP))


def makespan(seconds: Sequence[float], workers: int) -> float:
    """Return how long so many workers take for trainings of which the longest begin first."""
    free = [0.0] * max(1, workers)
    for one in sorted(seconds, reverse=True):
        place = free.index(min(free))
        free[place] += one
    return max(free)
