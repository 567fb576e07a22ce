"""How sure a figure is: intervals, and paired comparisons on the same samples.

McNemar's test: Q. McNemar, Psychometrika 12 (1947), in its exact form (a binomial test on the samples that only one of
two networks has right). Interval of a share: E. B. Wilson, JASA 22 (1927). Bootstrap: B. Efron, Annals of Statistics 7
(1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nasflow.errors import SearchError

LEVEL = 0.05
"""Probability of calling an equal network better that is accepted."""

_RESAMPLES = 1000
_ROUNDING = 1e-12

Indices = NDArray[np.int64]
"""Which samples a metric is taken over: int64 (n,), repeats allowed."""


@dataclass(frozen=True)
class Interval:
    """A figure with the limits that hold the true one in 95 of 100 such measurements.

    Attributes:
        value: The figure itself.
        low: Lower limit.
        high: Upper limit.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One network against another on the same test samples.

    Attributes:
        difference: How much better the first one is on the metric; negative where it is worse.
        standard_error: Standard error of that difference, from the differences sample by sample.
        p_value: Probability of a difference at least as large if the first were no better.
        test: Which test gave the p value.
        samples: Number of test samples.
        wins: Samples that only the first one has right; -1 where the metric does not count samples.
        losses: Samples that only the second one has right; -1 likewise.
    """

    difference: float
    standard_error: float
    p_value: float
    test: Literal["exact McNemar", "paired bootstrap"]
    samples: int
    wins: int = -1
    losses: int = -1

    def better(self, margin: float = 0.0, level: float = LEVEL) -> bool:
        """Whether the first network is better by at least `margin`, and beyond doubt (p below `level`)."""
        return self.difference >= margin - _ROUNDING and self.difference > 0 and self.p_value < level

    def sentence(self, first: str, second: str, level: float = LEVEL) -> str:
        """Return the outcome in plain words.

        Args:
            first: What the first network is called, as in `the winner`.
            second: What the second one is called.
            level: Below which p counts as beyond doubt.
        """
        if self.better(level=level):
            verdict = f"{first} is better than {second} beyond reasonable doubt"
        elif self.difference > 0:
            verdict = f"{first} did better than {second}, but chance explains that as well"
        elif self.difference < 0:
            verdict = f"{first} did worse than {second}"
        else:
            verdict = f"{first} and {second} did equally well"
        counted = ""
        if self.wins >= 0:
            counted = (
                f": of {self.samples:,} test samples, {self.wins:,} are right for {first} alone and "
                f"{self.losses:,} for {second} alone"
            )
        return f"{verdict[0].upper()}{verdict[1:]}{counted} ({self.test}, one-sided p {spoken_p(self.p_value)})."

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON-compatible data."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Comparison:
        """Read back what `to_json` gave."""
        return cls(**document)


def spoken_p(p_value: float) -> str:
    """Return a p value as a reader wants it: `= 0.012`, or `below 0.001`."""
    return "below 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def wilson(successes: int, samples: int) -> Interval:
    """Return a share with its 95 % interval, sound for few samples and for shares near 0 and 1 as well.

    Raises:
        SearchError: There are no samples, or more successes than samples.
    """
    if samples < 1 or not 0 <= successes <= samples:
        raise SearchError(f"an accuracy needs samples: {successes} right out of {samples} cannot be.")
    z = 1.959963984540054  # the normal distribution's 97.5 % point
    share = successes / samples
    scale = 1 + z * z / samples
    centre = (share + z * z / (2 * samples)) / scale
    half = z * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples * samples)) / scale
    return Interval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def correct(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each sample, bool (N,), whether its most probable class is its target.

    Args:
        probabilities: float (N, outputs); the first of equal ones counts.
        targets: int64 (N,).
    """
    found: NDArray[np.bool_] = np.asarray(probabilities).argmax(1) == np.asarray(targets)
    return found


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Comparison:
    """Compare two networks by the samples that they have right: exact, one-sided.

    Args:
        first: Whether the first network has each sample right, bool (N,).
        second: The same of the second network, for the same samples in the same order.

    Raises:
        SearchError: The two do not cover the same samples, or there are none.
    """
    _check_paired(len(first), len(second))
    from scipy.stats import binomtest  # half a second to import, which only comparisons need

    steps = np.asarray(first, dtype=np.int8) - np.asarray(second, dtype=np.int8)
    wins, losses, samples = int((steps > 0).sum()), int((steps < 0).sum()), len(steps)
    p_value = float(binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue) if wins + losses else 1.0
    deviation = float(steps.std(ddof=1)) if samples > 1 else 0.0
    return Comparison(
        (wins - losses) / samples, deviation / math.sqrt(samples), p_value, "exact McNemar", samples, wins, losses
    )


def compare_accuracy(first: NDArray[np.float32], second: NDArray[np.float32], targets: NDArray[np.int64]) -> Comparison:
    """Compare two classifiers by their probabilities, float (N, outputs), for the same samples; see `mcnemar`."""
    _check_paired(len(first), len(second))
    return mcnemar(correct(first, targets), correct(second, targets))


def paired_bootstrap(
    first: Callable[[Indices], float],
    second: Callable[[Indices], float],
    samples: int,
    direction: Literal["maximize", "minimize"],
    seed: int = 0,
) -> Comparison:
    """Compare two networks on any metric, by drawing the test samples anew a thousand times.

    Args:
        first: The metric of the first network over some of the samples.
        second: The same of the second network.
        samples: Number of test samples.
        direction: Which way the metric is better.
        seed: Of the draws.

    Raises:
        SearchError: There are no samples.
    """
    _check_paired(samples, samples)
    sign = 1.0 if direction == "maximize" else -1.0

    def gain(indices: Indices) -> float:
        return sign * (first(indices) - second(indices))

    gains = np.array([gain(indices) for indices in _draws(samples, seed)])
    p_value = (1 + int((~(gains > 0)).sum())) / (1 + len(gains))  # a draw without a value speaks for nobody
    known = gains[np.isfinite(gains)]
    spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    every = np.arange(samples, dtype=np.int64)
    return Comparison(gain(every), spread, p_value, "paired bootstrap", samples)


def bootstrap_intervals(
    evaluate: Callable[[Indices], Mapping[str, float]], samples: int, seed: int = 0, resamples: int = _RESAMPLES
) -> dict[str, Interval]:
    """Return all metrics of one network with their 95 % intervals (percentile bootstrap).

    Args:
        evaluate: Every metric over some of the samples.
        samples: Number of test samples.
        seed: Of the draws.
        resamples: How often the samples are drawn anew.

    Raises:
        SearchError: There are no samples.
    """
    _check_paired(samples, samples)
    drawn = [evaluate(indices) for indices in _draws(samples, seed, resamples)]
    found = {}
    for name, value in evaluate(np.arange(samples, dtype=np.int64)).items():
        low, high = np.nanpercentile([metrics[name] for metrics in drawn], [2.5, 97.5])
        found[name] = Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))
    return found


def _draws(samples: int, seed: int, resamples: int = _RESAMPLES) -> list[Indices]:
    random = np.random.default_rng(seed)
    return [random.integers(0, samples, samples, dtype=np.int64) for _ in range(resamples)]


def _check_paired(first: int, second: int) -> None:
    if first != second or first == 0:
        raise SearchError(
            f"two networks are compared on the same test samples; they have {first} and {second} of them."
        )
