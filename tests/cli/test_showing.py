"""From the state of a search to the views, without a search that trains."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.cli import showing
from nasflow.config import SearchConfig
from nasflow.engine.live import Running
from nasflow.engine.plan import Known, make_space
from nasflow.engine.status import SearchStatus
from nasflow.spaces import NetworkIO
from nasflow.tasks.loading import load_task
from nasflow.trials import Entry, EpochPoint, Fidelity, History, Status, Trial, TrialResult

CONFIG = SearchConfig.model_validate(
    {
        "name": "shown",
        "data": "sklearn:digits",
        "space": "mlp",
        "objectives": ["val_accuracy", "parameters"],
        "budget": {"trials": 7},
        "parallelism": {"round_size": 3},
        "final": {"candidates": 2},
    }
)
STARTED = 1000.0


@pytest.fixture(scope="module")
def known() -> Known:
    task = load_task(CONFIG)
    return Known.of(CONFIG, make_space(CONFIG, task, NetworkIO(channels=1, size=8, outputs=10)))


def trial(known: Known, number: int, epochs: int = 10) -> Trial:
    return Trial(known.space.at(number * 7), Fidelity(epochs, epochs), 0, "context", origin="random", parents=("abc",))


def result(of: Trial, value: float, status: Status = Status.COMPLETED, at: float = 1010.0) -> TrialResult:
    curve = tuple(EpochPoint(n, {"val_accuracy": value * n / 2}, 0.0, 1.0) for n in (1, 2))
    cause = "it crashed." if status.failed else ""
    metrics = {"val_accuracy": value, "parameters": 50.0, "train_seconds": 3.0}
    return TrialResult(of.id, status, metrics, curve, cause, finished_at=at, device="cpu-test")


def state(known: Known, entries: list[Entry], **changes: Any) -> SearchStatus:
    best = max(
        (e for e in entries if e.result and not e.result.status.failed),
        default=None,
        key=lambda e: e.result.metrics["val_accuracy"],
    )
    values: dict[str, Any] = {
        "search": known,
        "history": History(entries),
        "best": best,
        "running": (),
        "finals": (),
        "trials": 7,
        "seconds_left": 12.0,
        "delivered": False,
    }
    return SearchStatus(**values | changes)


@pytest.fixture
def half(known: Known) -> SearchStatus:
    trials = [trial(known, number) for number in range(5)]
    results = [
        result(trials[0], 0.8, at=1030.0),
        result(trials[1], 0.0, Status.CRASHED, at=1020.0),
        result(trials[2], 0.9, at=900.0),
        None,
        None,
    ]
    entries = [Entry(t, r) for t, r in zip(trials, results, strict=True)]
    return state(known, entries, running=(Running(trials[3].id, 4, {"val_accuracy": 0.4}, 1040.0),))


def test_progress_round_by_round(half: SearchStatus) -> None:
    view = showing.progress(half, STARTED)
    assert [(r.number, r.total, r.completed, r.failed, r.running) for r in view.rounds] == [
        (1, 3, 2, 1, 0),
        (2, 3, 0, 0, 1),
        (3, 1, 0, 0, 0),
    ]
    assert view.phase == "searching"
    assert view.best is not None
    assert view.best.number == 3
    assert (view.objective, view.seconds_left) == ("val_accuracy", 12.0)


def test_finished_trials_come_in_the_order_of_their_ends(half: SearchStatus) -> None:
    assert [row.number for row in showing.progress(half, STARTED).finished] == [3, 2, 1]


def test_trials_under_way_are_named_by_number(half: SearchStatus) -> None:
    (running,) = showing.progress(half, STARTED).running
    assert (running.label, running.epoch, running.epochs, running.value) == ("trial 4", 4, 10, 0.4)


def test_full_trainings_under_way_are_named_by_role(known: Known, half: SearchStatus) -> None:
    trainings = [trial(known, number, 40) for number in (11, 12, 13)]
    finals = (Entry(trainings[0], result(trainings[0], 0.9)), *(Entry(t, None) for t in trainings[1:]))
    running = tuple(Running(t.id, 1, {}, 1.0) for t in trainings)
    view = showing.progress(state(known, list(half.history), finals=finals, running=running), STARTED)
    assert [r.label for r in view.running] == ["candidate 2", "reference"]
    assert view.phase == "training the best in full, and the reference"
    assert (view.finals_done, view.finals) == (1, 3)


@pytest.mark.parametrize(
    ("changes", "phase"),
    [({"delivered": True}, "delivered"), ({"trials": 5}, "searching"), ({}, "searching")],
)
def test_phases(known: Known, half: SearchStatus, changes: dict[str, Any], phase: str) -> None:
    assert showing.progress(state(known, list(half.history), **changes), STARTED).phase == phase
    assert showing.progress(state(known, []), STARTED).phase == "starting"
    done = tuple(Entry(t, result(t, 0.9)) for t in [trial(known, 20, 40)])
    finished = state(known, list(half.history), finals=done)
    assert showing.progress(finished, STARTED).phase == "exporting, reporting and registering"


def test_a_row_says_what_is_known(known: Known, half: SearchStatus) -> None:
    rows = [showing.row(known, number, entry, STARTED) for number, entry in enumerate(half.history, 1)]
    assert [row.status for row in rows] == ["completed", "crashed", "completed", "waiting", "waiting"]
    assert rows[0].values == {"val_accuracy": 0.8, "parameters": 50.0}
    assert (rows[0].epochs, rows[0].seconds, rows[0].origin) == (2, 3.0, "random")
    assert rows[1].cause == "it crashed."
    assert [row.reused for row in rows] == [False, False, True, False, False]


def test_the_leaderboard_is_ordered_and_cut(half: SearchStatus) -> None:
    whole = showing.leaderboard(half, STARTED, None)
    assert [row.number for row in whole.rows][:2] == [3, 1]
    assert whole.hidden == 0
    assert whole.counts == {"completed": 2, "waiting": 2, "crashed": 1}
    cut = showing.leaderboard(half, STARTED, 1)
    assert [row.number for row in cut.rows] == [3]
    assert cut.hidden == 4
    assert cut.reference == {}


def test_the_reference_stands_beside_the_leaderboard(known: Known, half: SearchStatus) -> None:
    trainings = [trial(known, number, 40) for number in (11, 12, 13)]
    finals = tuple(Entry(t, result(t, 0.5 + n / 10)) for n, t in enumerate(trainings))
    view = showing.leaderboard(state(known, list(half.history), finals=finals), STARTED, None)
    assert view.reference == {"val_accuracy": 0.7, "parameters": 50.0}


def test_one_trial_in_detail(half: SearchStatus) -> None:
    first = showing.trial(half, 1)
    assert first.curves == {"val_accuracy": (0.4, 0.8)}
    assert (first.epochs, first.status, first.device) == ((2, 10), "completed", "cpu-test")
    assert first.parents == ("abc",)
    assert showing.trial(half, 2).cause == "it crashed."
    assert (showing.trial(half, 4).status, showing.trial(half, 5).status) == ("running", "waiting")


def test_counts(known: Known, half: SearchStatus) -> None:
    assert (showing.failed(half), showing.rejected(half)) == (1, 0)
    extra = trial(known, 30)
    more = state(known, [*half.history, Entry(extra, result(extra, 0.0, Status.REJECTED))])
    assert (showing.failed(more), showing.rejected(more)) == (1, 1)
    assert showing.finished_at(half.history.entries[4]) == 0.0


def test_a_search_that_nobody_works_on_says_so(known: Known, half: SearchStatus) -> None:
    view = showing.progress(half, STARTED, held=False)
    assert view.phase == "stopped: run it again to go on"
    assert (view.seconds_left, view.running) == (None, ())
    searched = state(known, list(half.history), trials=3)
    assert showing.progress(searched, STARTED, held=False).phase == "searched, not delivered yet: run it again"
    delivered = state(known, list(half.history), delivered=True)
    assert showing.progress(delivered, STARTED, held=False).phase == "delivered"


def test_why_a_search_ended_is_passed_on(known: Known, half: SearchStatus) -> None:
    assert showing.progress(state(known, list(half.history), note="It is over."), STARTED).note == "It is over."
