"""Intervals of a tested network: kept with the search, and worked out where they are not."""

from typing import Any

import numpy as np
import pytest

from nasflow.delivery.final import test_probabilities as known_probabilities
from nasflow.delivery.intervals import intervals, keep_intervals, known_intervals
from nasflow.delivery.statistics import wilson
from nasflow.engine.records import SearchRecords
from nasflow.storage import open_store


@pytest.fixture(scope="module")
def answers(in_process: Any) -> np.ndarray:
    outcome = in_process.outcome.delivery.outcome
    return known_probabilities(in_process.site.records(), outcome)[outcome.winner.trial.id]


def test_values_are_the_metrics_and_limits_hold_them(plan: Any, in_process: Any, answers: np.ndarray) -> None:
    found = intervals(plan, answers)
    tested = in_process.outcome.delivery.outcome.winner.test_metrics
    assert {f"test_{name}": interval.value for name, interval in found.items()} == pytest.approx(tested, abs=1e-5)
    for interval in found.values():
        assert interval.low <= interval.value <= interval.high
        assert interval.low < interval.high


def test_accuracy_has_exact_limits(plan: Any, answers: np.ndarray) -> None:
    targets = np.asarray(plan.bundle.targets("test"))
    assert intervals(plan, answers)["accuracy"] == wilson(int((answers.argmax(1) == targets).sum()), len(targets))


def test_what_was_kept_is_taken(plan: Any, answers: np.ndarray, tmp_path: Any) -> None:
    records = SearchRecords(open_store(str(tmp_path)), plan.search_id)
    expected = intervals(plan, answers)
    assert known_intervals(plan, records, "winner", answers) == expected, "nothing is kept yet"
    keep_intervals(plan, records, {"winner": answers})
    wrong = answers[:, ::-1].copy()
    assert known_intervals(plan, records, "winner", wrong) == expected
    assert known_intervals(plan, records, "other", wrong) == intervals(plan, wrong)


def test_the_search_kept_them_for_all_that_were_tested(in_process: Any) -> None:
    outcome = in_process.outcome.delivery.outcome
    kept = in_process.site.records().read("intervals")
    assert set(kept["trials"]) == {outcome.winner.trial.id, outcome.reference.trial.id}
