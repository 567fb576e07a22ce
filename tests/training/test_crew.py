"""The scheduling itself, where it cannot be seen through `run_trials`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nasflow.errors import ConfigError, IntegrityError, SearchError
from nasflow.training import crew
from nasflow.training.crew import Crew
from nasflow.training.events import Event
from nasflow.training.job import result_key
from nasflow.training.launching import Launcher, borrowed
from nasflow.trials import Status, Trial, TrialResult


@pytest.fixture
def launcher(lab) -> Iterator[Launcher]:
    with borrowed(lab.config) as launcher:
        yield launcher


def work(lab, launcher: Launcher, trials: list[Trial], listen=lambda event: None) -> dict[str, TrialResult]:
    results: dict[str, TrialResult] = {}

    def finish(trial: Trial, result: TrialResult) -> None:
        results[trial.id] = result

    Crew(lab.job, lab.store, launcher, cost=lambda trial: {}, on_event=listen, finish=finish).run(trials)
    return results


def test_waiting_costs_no_time_of_the_processor(lab, launcher):
    lab = lab.other("x", budget={"trial_seconds": 3.0})
    before, began = time.process_time(), time.monotonic()
    work(lab, launcher, [lab.trial("hang")])
    assert time.monotonic() - began >= 3.0
    assert time.process_time() - before < 1.0


def test_a_worker_that_does_not_begin_gets_a_second_chance_then_fails(lab, launcher, monkeypatch):
    monkeypatch.setattr(crew, "BEGIN_SECONDS", 0.0)
    trial = lab.trial("hang")
    (result,) = work(lab, launcher, [trial]).values()
    assert result.status is Status.CRASHED
    assert result.cause == "its worker did not begin it within 0 seconds"


def test_a_launcher_that_is_lost_ends_the_search_without_a_result(lab):
    trial = lab.trial("hang")

    def lose(event: Event) -> None:
        launcher._process.kill()

    with pytest.raises(SearchError, match="was lost"), borrowed(lab.config) as launcher:
        work(lab, launcher, [trial], lose)
    assert lab.store.get(result_key(trial.id)) is None


def test_workers_are_numbered_from_zero_and_a_fresh_one_takes_the_free_number(lab, launcher):
    seen: list[int] = []
    trials = [lab.trial("raise", width=width) for width in (8, 16, 24, 32)]
    work(lab, launcher, trials, lambda event: seen.append(event.worker))
    assert len(seen) == 4
    assert set(seen) == {0, 1}


def test_no_more_workers_than_trials(lab, launcher):
    lab = lab.other("x", parallelism={"workers": 8})
    seen: list[int] = []
    work(lab, launcher, [lab.trial("raise")], lambda event: seen.append(event.worker))
    assert seen == [0]


@pytest.mark.parametrize("kind", [IntegrityError, ConfigError, SearchError])
def test_an_error_of_a_worker_is_raised_here_as_what_it_was(kind):
    error = crew.rebuilt({"error": kind.__name__, "text": "one.\ntwo."})
    assert type(error) is kind
    assert str(error) == "one.\ntwo."
