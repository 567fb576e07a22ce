"""Parts of what a report says, as plain data: objectives, what mattered, what is mistaken for what, the time spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nasflow.delivery.statistics import Comparison, Interval

Direction = Literal["maximize", "minimize"]
Choices = Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class Goal:
    """An objective: its name, which way it is better, and the limits that a chosen network keeps, if any."""

    name: str
    direction: Direction
    less_than: float | None = None
    more_than: float | None = None


@dataclass(frozen=True)
class FullTraining:
    """How long a full training was.

    Attributes:
        epochs: Epochs that it had.
        given: Epochs that it was given: fewer than asked for where the hours of the budget left no time for more. It
            had fewer still where it ended early, as `final.patience` lets it.
    """

    epochs: int
    given: int


@dataclass(frozen=True)
class MetricRow:
    """One metric of winner and reference on the test samples; `comparison` only where the two were compared on it.

    `reference` is None where its training failed.
    """

    name: str
    direction: Direction
    winner: Interval
    reference: Interval | None
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Level:
    """One value of a choice: how many trials made it, and the mean of their deciding objective."""

    value: str
    trials: int
    mean: float


@dataclass(frozen=True)
class Weight:
    """How much a choice mattered.

    Attributes:
        name: The choice.
        median: By how much worse held-out trials are predicted without it, as a share of the objective's variance.
        low: Lower limit of its 95 % interval.
        high: Upper limit.
        levels: Its values with the trials that made them, the best first.
    """

    name: str
    median: float
    low: float
    high: float
    levels: tuple[Level, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0


@dataclass(frozen=True)
class Importance:
    """Which choices mattered for the deciding objective.

    Attributes:
        trials: Different networks that it was worked out from.
        needed: How many are needed at least.
        weights: A choice each, the most important first; empty where there are too few trials or nothing to explain.
        explained: Share of the variance of held-out trials that the choices explain, with its 95 % interval; below
            zero where they predict worse than the mean. None where there are no weights.
    """

    trials: int
    needed: int
    weights: tuple[Weight, ...] = ()
    explained: Interval | None = None


@dataclass(frozen=True)
class RunnerUp:
    """The winner against the one that came next; neither figure is of test samples.

    Attributes:
        architecture_id: Of the runner-up.
        choices: Made for the runner-up.
        winner_choices: Made for the winner.
        trained: Whether the runner-up was trained in full, as the winner was; else it is the search's second best, and
            both are shown as they were in the search.
        samples: Validation samples.
        metrics: Both on the validation samples, the runner-up in the reference's place; limits equal to the value
            where no interval is known.
        costs: For each quantity, that of the winner and that of the runner-up.
        standard_error: Of the difference in accuracy, taken as of two independent samples; None where that is not the
            deciding metric.
    """

    architecture_id: str
    choices: Choices
    winner_choices: Choices
    trained: bool
    samples: int
    metrics: tuple[MetricRow, ...]
    costs: Mapping[str, tuple[float, float]]
    standard_error: float | None = None


@dataclass(frozen=True)
class Sample:
    """A test sample that the winner answers badly.

    Attributes:
        name: Where it came from, as its source names it.
        picture: The image as a data URI.
        truth: Its class.
        answer: The winner's most probable class.
        truth_probability: What the winner gives its class.
        answer_probability: What the winner gives the most probable class.
    """

    name: str
    picture: str
    truth: str
    answer: str
    truth_probability: float
    answer_probability: float


@dataclass(frozen=True)
class Answers:
    """The winner's answers on the test samples.

    Attributes:
        confusion: True class, answered class and number of samples, for all that occur; classes by their place.
        worst: The samples whose own class got the lowest probability, lowest first.
        wrong: Samples answered wrong.
        samples: Test samples.
    """

    confusion: tuple[tuple[int, int, int], ...]
    worst: tuple[Sample, ...]
    wrong: int
    samples: int


@dataclass(frozen=True)
class Spent:
    """Seconds that went into one thing; `kind` is how it is drawn."""

    label: str
    seconds: float
    kind: Literal["search", "finalists", "reference", "delivery", "between", "idle"]
