"""The parts of a report say what follows from them."""

from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.parts import Weight


def test_a_choice_is_certain_when_its_interval_leaves_out_zero() -> None:
    assert Weight("a", 0.2, 0.01, 0.5).certain
    assert not Weight("a", 0.2, 0.0, 0.5).certain
    assert not Weight("a", 0.2, -0.01, 0.5).certain


def test_idle_seconds_are_those_of_idle_parts(goaled: ReportData, data: ReportData) -> None:
    assert goaled.cost.idle_seconds == 900.0
    assert data.cost.idle_seconds == 0.0
