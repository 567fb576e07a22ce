"""The order of trials."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from nasflow.objectives import Objective, feasible, rank_key, ranked, values
from nasflow.spaces import Architecture, Bound
from nasflow.trials import Entry, Fidelity, History, Status, Trial, TrialResult

ACCURACY = Objective("val_accuracy", "maximize")
SMALL = Objective("parameters", "minimize", Bound(less_than=100), cheap=True)
BOTH = (ACCURACY, SMALL)


def entry(
    name: str,
    accuracy: float | None,
    parameters: float = 50,
    status: Status = Status.COMPLETED,
    *,
    epochs: int = 2,
    data_fraction: float = 1.0,
) -> Entry:
    """A trial that came to this; without accuracy it is under way."""
    trial = Trial(Architecture("toy", {}, {"name": name}), Fidelity(epochs, epochs, data_fraction), 0, "test")
    metrics = {"val_accuracy": accuracy, "parameters": parameters}
    result = TrialResult(trial.id, status, metrics) if accuracy is not None else None
    return Entry(trial, result)


def order(*entries: Entry, objectives: tuple[Objective, ...] = BOTH) -> list[str]:
    return [e.trial.architecture.form["name"] for e in sorted(entries, key=lambda e: rank_key(objectives, e))]


def test_feasible_first_then_the_least_excess_then_all_others() -> None:
    entries = [
        entry("best", 0.9, 99),
        entry("good", 0.8, 10),
        entry("slightly over", 0.99, 101),
        entry("far over", 0.999, 1_000),
        entry("without a number", math.nan, 10),
    ]
    expected = [e.trial.architecture.form["name"] for e in entries]
    for shuffled in itertools.permutations(entries):
        assert order(*shuffled) == expected


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_what_did_not_complete_comes_last(status: Status) -> None:
    assert order(entry("ended", 0.99, 10, status), entry("over", 0.1, 1e6)) == ["over", "ended"]
    assert order(entry("under way", None), entry("over", 0.1, 1e6)) == ["over", "under way"]


def test_later_objectives_break_ties() -> None:
    assert order(entry("large", 0.9, 60), entry("small", 0.9, 40), entry("better", 0.91, 90)) == [
        "better",
        "small",
        "large",
    ]


def test_directions() -> None:
    entries = (entry("a", 0.9, 10), entry("b", 0.8, 90))
    assert order(*entries, objectives=(Objective("parameters", "maximize"),)) == ["b", "a"]
    assert order(*entries, objectives=(Objective("parameters", "minimize"),)) == ["a", "b"]
    assert order(*entries, objectives=(Objective("val_accuracy", "minimize"),)) == ["b", "a"]


def test_lower_bounds_count_too() -> None:
    floor = (Objective("parameters", "minimize"), Objective("val_accuracy", "maximize", Bound(more_than=0.5)))
    found = order(entry("poor", 0.3, 1), entry("poorer", 0.1, 1), entry("fair", 0.6, 1e9), objectives=floor)
    assert found == ["fair", "poor", "poorer"]


def test_a_bound_of_zero_divides_nothing() -> None:
    zero = (Objective("parameters", "minimize", Bound(less_than=0)),)
    assert order(entry("b", 0.9, 2), entry("a", 0.9, 1), objectives=zero) == ["a", "b"]


def test_the_order_is_total() -> None:
    entries = [entry(f"twin {number}", 0.9) for number in range(20)]
    expected = order(*entries)
    for seed in range(5):
        random.Random(seed).shuffle(entries)
        assert order(*entries) == expected
    assert len({rank_key(BOTH, e) for e in entries}) == 20


def test_values_and_feasibility() -> None:
    result = TrialResult("t", Status.COMPLETED, {"val_accuracy": 0.9})
    found = values(BOTH, result)
    assert found["val_accuracy"] == 0.9
    assert math.isnan(found["parameters"])
    assert not feasible(BOTH, result)
    assert feasible((ACCURACY,), result)
    assert not feasible((ACCURACY,), TrialResult("t", Status.REJECTED, {"val_accuracy": 0.9}))
    assert not feasible((ACCURACY,), TrialResult("t", Status.COMPLETED, {"val_accuracy": math.inf}))


def test_ranked_leaves_out_what_cannot_be_chosen() -> None:
    history = History(
        [
            entry("good", 0.8),
            entry("over", 0.99, 100),
            entry("failed", 0.99, status=Status.CRASHED),
            entry("best", 0.9),
            entry("open", None),
        ]
    )
    assert [e.trial.architecture.form["name"] for e in ranked(BOTH, history)] == ["best", "good"]


def test_ranked_counts_an_architecture_once_as_it_did_with_the_most_training() -> None:
    longer, shorter = entry("a", 0.7, epochs=8), entry("a", 0.95, epochs=2)
    part = entry("a", 0.99, epochs=8, data_fraction=0.5)
    failed = entry("a", 0.5, epochs=16, status=Status.OUT_OF_MEMORY)
    other = entry("b", 0.8)
    for entries in itertools.permutations([longer, shorter, part, failed, other]):
        assert ranked(BOTH, History(entries)) == [other, longer]


def test_a_network_that_breaks_a_bound_with_more_training_is_out() -> None:
    bounded = (Objective("val_accuracy", "maximize", Bound(more_than=0.5)),)
    assert ranked(bounded, History([entry("a", 0.6, epochs=2), entry("a", 0.4, epochs=8)])) == []


def test_loss_turns_what_is_maximized() -> None:
    assert ACCURACY.loss(0.9) == -0.9
    assert SMALL.loss(0.9) == 0.9
