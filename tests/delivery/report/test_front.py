"""The front holds what nothing beats, under any directions."""

import random
from dataclasses import replace

import pytest

from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.front import front, losses, non_dominated
from nasflow.delivery.report.parts import Goal


def test_the_front_of_the_example(goaled: ReportData) -> None:
    found = front(goaled)
    assert found is not None
    everyone = [*found.best, *found.beaten, *found.outside]
    assert len(everyone) == len({row.architecture_id for row in everyone}) == 21
    assert found.unknown == 3
    for row in found.beaten:
        assert any(
            all(a <= b for a, b in zip(losses(other, goaled.goals), losses(row, goaled.goals), strict=True))
            for other in found.best
        )
    values = [row.metrics["val_accuracy"] for row in found.best]
    assert values == sorted(values, reverse=True)
    sizes = [row.metrics["parameters"] for row in found.best]
    assert sizes == sorted(sizes, reverse=True), "on a front of two, better is larger"


@pytest.mark.parametrize("directions", [("maximize", "minimize"), ("minimize", "maximize"), ("minimize", "minimize")])
def test_non_dominated_agrees_with_its_definition(goaled: ReportData, directions: tuple[str, str]) -> None:
    rng = random.Random(0)
    goals = tuple(Goal(name, direction) for name, direction in zip("ab", directions, strict=True))  # type: ignore[arg-type]
    rows = [
        replace(goaled.trials[0], number=n, metrics={"a": rng.randint(0, 6), "b": rng.randint(0, 6)}) for n in range(40)
    ]
    kept = {row.number for row in non_dominated(rows, goals)}
    for row in rows:
        mine = losses(row, goals)
        others = [theirs for theirs in (losses(other, goals) for other in rows) if theirs != mine]
        beaten = [o for o in others if all(x <= y for x, y in zip(o, mine, strict=True))]
        assert (row.number in kept) is (not beaten)


def test_equals_stay_together_and_nothing_is_no_front(goaled: ReportData) -> None:
    row = next(row for row in goaled.trials if row.metrics and row.value)
    assert len(non_dominated([row, replace(row, number=99)], goaled.goals)) == 2
    assert non_dominated([], goaled.goals) == []


def test_what_is_outside_the_bounds_is_on_no_front(goaled: ReportData) -> None:
    trials = tuple(replace(row, feasible=False) for row in goaled.trials)
    found = front(replace(goaled, trials=trials))
    assert found is not None
    assert (found.best, found.beaten) == ((), ())
    assert len(found.outside) == 21


def test_one_objective_or_no_values_have_no_front(goaled: ReportData) -> None:
    assert front(replace(goaled, goals=goaled.goals[:1])) is None
    assert front(replace(goaled, goals=())) is None
    assert front(replace(goaled, trials=tuple(replace(row, metrics={}) for row in goaled.trials))) is None
