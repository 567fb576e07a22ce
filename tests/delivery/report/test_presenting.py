"""The sections' sentences claim no more than the data hold."""

from dataclasses import replace

import pytest

from nasflow.delivery.report import presenting
from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.parts import Answers, Importance, RunnerUp, Weight
from nasflow.delivery.statistics import Interval, wilson


@pytest.fixture
def found(goaled: ReportData) -> Importance:
    assert goaled.importance is not None
    return goaled.importance


@pytest.fixture
def rival(goaled: ReportData) -> RunnerUp:
    assert goaled.runner_up is not None
    return goaled.runner_up


@pytest.fixture
def answers(goaled: ReportData) -> Answers:
    assert goaled.tested is not None
    return goaled.tested


def test_what_is_certain_is_named_and_the_rest_is_not(found: Importance) -> None:
    said = presenting.importance_sentence(found)
    assert "explain 42 % (95 % interval 10 to 70 %)" in said
    assert "Certain to have mattered, given 21 networks: stage1.kind." in said
    assert "stem" not in said


def test_uncertain_importances_are_said_to_be(found: Importance) -> None:
    weights = tuple(replace(weight, low=-0.1) for weight in found.weights)
    said = presenting.importance_sentence(replace(found, weights=weights, explained=Interval(-0.2, -1, 0.3)))
    assert "no better than their mean" in said
    assert "every interval includes zero" in said


def test_too_few_trials_and_nothing_to_explain_are_told_apart() -> None:
    assert "Too few trials to tell: 1 network completed, and at least 16" in presenting.importance_sentence(
        Importance(1, 16)
    )
    assert "nothing to tell" in presenting.importance_sentence(Importance(30, 16))


def test_bars_share_a_scale(found: Importance) -> None:
    bars, zero = presenting.bars(found)
    assert all(0 <= bar.low <= bar.median <= bar.high <= 100 for bar in bars)
    assert (bars[1].low, bars[0].high) == (0.0, 100.0)
    assert bars[0].low > zero > bars[1].low
    positive = replace(found, weights=found.weights[:1])
    assert presenting.bars(positive)[1] == 0.0
    flat = replace(found, weights=(Weight("x", 0.0, 0.0, 0.0),))
    assert presenting.bars(flat)[0][0].high == 0.0


def test_choices_that_differ(rival: RunnerUp) -> None:
    assert presenting.differing(rival) == [
        ("stem", "16", "8"),
        ("stage1.squeeze_excite", "no", "–"),
        ("stage1.skip", "–", "yes"),
    ]
    assert presenting.differing(replace(rival, choices=rival.winner_choices)) == []


def test_the_difference_between_rivals_is_judged_by_its_uncertainty(rival: RunnerUp) -> None:
    assert (
        "by +1.11 points ± 1.45 points over 270 validation samples, which chance explains"
        in presenting.rival_sentence(rival)
    )
    assert "more than chance explains" in presenting.rival_sentence(replace(rival, standard_error=0.001))
    row = rival.metrics[0]
    same = replace(rival, metrics=(replace(row, reference=row.winner),))
    assert "Both reach the same validation accuracy" in presenting.rival_sentence(same)
    assert presenting.rival_sentence(replace(rival, standard_error=None)) == ""
    assert presenting.rival_sentence(replace(rival, metrics=())) == ""
    assert wilson(265, 270) == row.winner


def test_the_matrix_has_a_row_a_class(answers: Answers, goaled: ReportData) -> None:
    classes = list(goaled.asked.class_counts)
    cells = presenting.matrix(answers, classes)
    assert cells is not None
    assert [[cell.count for cell in row] for row in cells][3] == [0, 0, 0, 26, 0, 0, 0, 0, 2, 0]
    assert cells[3][8].share == pytest.approx(2 / 28)
    assert cells[3][3].right
    assert not cells[3][8].right
    assert presenting.matrix(answers, [str(n) for n in range(21)]) is None


def test_the_most_frequent_mistakes_come_first(answers: Answers, goaled: ReportData) -> None:
    classes = list(goaled.asked.class_counts)
    assert presenting.confused(answers, classes) == [
        ("digit 3", "digit 8", 2, pytest.approx(2 / 28)),
        ("digit 8", "digit 3", 1, pytest.approx(1 / 27)),
    ]
    many = replace(answers, confusion=tuple((n, (n + 1) % 100, n + 1) for n in range(100)))
    found = presenting.confused(many, [str(n) for n in range(100)])
    assert [number for _, _, number, _ in found] == list(range(100, 85, -1))


def test_the_worst_samples_are_counted(answers: Answers) -> None:
    assert "1 of these 2 are answered wrong" in presenting.worst_sentence(answers)
    assert "all of them are answered wrong" in presenting.worst_sentence(replace(answers, worst=answers.worst[:1]))
    assert "all of them are answered right" in presenting.worst_sentence(replace(answers, worst=answers.worst[1:]))


def test_idle_time_has_no_share(goaled: ReportData) -> None:
    assert presenting.shares(goaled) == [100.0, 0.0]
    assert presenting.shares(replace(goaled, cost=replace(goaled.cost, parts=goaled.cost.parts[1:]))) == [0.0]
