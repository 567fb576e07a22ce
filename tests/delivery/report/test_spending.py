"""Every second from start to report is accounted for, once."""

import pytest

from nasflow.delivery.report.parts import Spent
from nasflow.delivery.report.spending import IDLE_AFTER, Kind, spending
from nasflow.trials import EpochPoint, Status, TrialResult


def training(*epochs: tuple[float, float], start: float | None = None, end: float | None = None) -> TrialResult:
    points = tuple(EpochPoint(n, {}, begin, done) for n, (begin, done) in enumerate(epochs, 1))
    begun = epochs[0][0] if start is None else start
    return TrialResult("t", Status.COMPLETED, {}, points, "", begun, epochs[-1][1] if end is None else end)


def seconds(parts: tuple[Spent, ...]) -> dict[str, float]:
    return {str(part.kind): part.seconds for part in parts}


def test_a_search_without_a_break() -> None:
    done: list[tuple[Kind, TrialResult]] = [
        ("search", training((10, 20), (20, 30))),
        ("search", training((15, 40))),
        ("finalists", training((50, 80))),
        ("reference", training((80, 90))),
    ]
    parts = spending(done, 0, 100)
    assert seconds(parts) == {"search": 30, "finalists": 30, "reference": 10, "between": 20, "delivery": 10}
    assert all(part.label for part in parts)


def test_trainings_of_several_kinds_at_once_share_the_time() -> None:
    done: list[tuple[Kind, TrialResult]] = [
        ("finalists", training((0, 30))),
        ("finalists", training((0, 30))),
        ("reference", training((0, 60))),
    ]
    assert seconds(spending(done, 0, 60)) == pytest.approx({"finalists": 20, "reference": 40})


def test_a_stop_between_trials_is_idle_and_a_pause_is_not() -> None:
    gap = IDLE_AFTER
    stopped: list[tuple[Kind, TrialResult]] = [
        ("search", training((0, 10))),
        ("search", training((10 + gap, 20 + gap))),
    ]
    assert seconds(spending(stopped, 0, 20 + gap)) == {"search": 20, "idle": gap}
    paused: list[tuple[Kind, TrialResult]] = [("search", training((0, 10))), ("search", training((9 + gap, 20 + gap)))]
    assert seconds(spending(paused, 0, 20 + gap)) == {"search": 21, "between": gap - 1}


def test_a_stop_within_a_trial_is_idle_and_the_work_around_epochs_is_training() -> None:
    resumed = training((5, 10), (1010, 1020), start=0, end=1025)
    assert seconds(spending([("search", resumed)], 0, 1025)) == {"search": 25, "idle": 1000}


def test_reused_results_and_what_was_before_the_start_take_no_time() -> None:
    done: list[tuple[Kind, TrialResult]] = [("search", training((0, 50))), ("search", training((90, 120)))]
    assert seconds(spending(done, 100, 130)) == {"search": 20, "delivery": 10}


def test_a_report_written_again_much_later_counts_the_time_since_as_idle() -> None:
    assert seconds(spending([("search", training((0, 10)))], 0, 90_000)) == {"search": 10, "idle": 89_990}


def test_nothing_trained() -> None:
    assert spending([], 5, 5) == ()
    assert seconds(spending([], 0, 8)) == {"delivery": 8}
    assert seconds(spending([("search", TrialResult("t", Status.REJECTED))], 5, 8)) == {"delivery": 3}


def test_the_parts_sum_to_the_whole() -> None:
    done: list[tuple[Kind, TrialResult]] = [
        ("search", training((n * 37.0, n * 37.0 + 90), (n * 37.0 + 95, n * 37.0 + 300))) for n in range(9)
    ]
    done.append(("reference", training((4_000, 4_010))))
    assert sum(part.seconds for part in spending(done, 0, 5_000)) == pytest.approx(5_000)
