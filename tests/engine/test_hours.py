"""Keeping to the hours of a budget, by clocks that tests set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nasflow.engine import hours
from nasflow.engine.hours import (
    FINALS_SHARE,
    SearchClock,
    closed,
    final_epochs,
    fitting_epochs,
    keep_pace,
    likely_finalists,
)
from nasflow.engine.pace import NORMAL_STARTUP, Pace, Timing, load_of
from nasflow.engine.request import deadline_of, delivery_asked, extent_asked
from nasflow.engine.rounds import propose_round
from nasflow.engine.speeds import DELIVERY_SECONDS, STARTING_SECONDS, Speeds
from nasflow.trials import Candidate, Entry, EpochPoint, History

BEGAN = 1_000_000.0


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def timed(planned: Any) -> Any:
    """Make a plan of a tenth of an hour, unless another one is asked for."""

    def make(budget_hours: float = 0.1, **sections: Any) -> Any:
        plan = planned(budget={"trials": 50, "hours": budget_hours}, final={"candidates": 1, "epochs": 40}, **sections)
        return replace(plan, deadline=deadline_of(plan.config, BEGAN))

    return make


def trained(records: Any, finish: Any, trial: Any, seconds: float) -> None:
    """Finish a trial whose epochs have taken so many seconds."""
    points = tuple(EpochPoint(n, {}, n * seconds, (n + 1) * seconds) for n in (1, 2, 3))
    finish(records, trial, curve=points)


def test_each_run_has_the_hours_for_itself(planned: Any) -> None:
    assert deadline_of(planned().config, BEGAN) is None
    config = planned(budget={"hours": 0.5}).config
    assert deadline_of(config, BEGAN) == BEGAN + 1800
    assert deadline_of(config, BEGAN + 5000) == BEGAN + 6800


def test_the_hours_are_no_part_of_the_search(planned: Any, timed: Any) -> None:
    assert timed().search_id == planned().search_id
    assert delivery_asked(timed().config) != delivery_asked(timed(0.2).config)


def test_without_a_deadline_the_time_is_never_over(planned: Any, kept: Any) -> None:
    plan = planned()
    clock = SearchClock(plan, kept(plan), clock=Clock(9e12))
    assert not clock.over()


def test_the_search_ends_in_time_for_all_that_follows(timed: Any, kept: Any, finish: Any) -> None:
    plan = timed()
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    now = Clock(BEGAN)
    clock = SearchClock(plan, records, clock=now)
    assert plan.deadline - clock.end == pytest.approx(STARTING_SECONDS + DELIVERY_SECONDS)
    for trial in trials:
        trained(records, finish, trial, 0.5)
    clock.look()
    speeds = Speeds.of(plan, records, records.history())
    best = likely_finalists(plan, records, records.history())
    assert [one.id for one in best][1:] == [plan.reference.id]
    rest = 1.05 * speeds.full_seconds(best, 40) + speeds.delivery_seconds(0)
    assert rest > 20
    assert clock.end == pytest.approx(plan.deadline - rest)
    now.now = clock.end - 0.1
    assert not clock.over()
    now.now = clock.end
    assert clock.over()


def test_whole_epochs_are_kept_time_for_within_their_share(timed: Any, kept: Any, finish: Any) -> None:
    plan = timed()
    records = kept(plan)
    trained(records, finish, propose_round(plan, records, 0).trials[0], 20.0)
    clock = SearchClock(plan, records, clock=Clock(BEGAN))
    speeds = Speeds.of(plan, records, records.history())
    best = likely_finalists(plan, records, records.history())
    rest = speeds.delivery_seconds(0)
    share = FINALS_SHARE * (360 - rest)
    epochs = fitting_epochs(speeds, best, share)
    assert 1 < epochs < 40
    kept_seconds = plan.deadline - clock.end - rest
    assert kept_seconds == pytest.approx(1.05 * speeds.full_seconds(best, epochs))
    assert kept_seconds <= share < 1.05 * speeds.full_seconds(best, epochs + 1)


def test_where_nothing_tells_how_long_an_epoch_takes_full_training_has_one(timed: Any, kept: Any) -> None:
    plan = timed()
    speeds = Speeds.of(plan, kept(plan), History())
    assert speeds.timing(plan.reference) is None
    assert fitting_epochs(speeds, [plan.reference], 1e9) == 1


def test_one_epoch_of_full_training_has_its_time_in_any_case(timed: Any, kept: Any, finish: Any) -> None:
    plan = timed()
    records = kept(plan)
    trained(records, finish, propose_round(plan, records, 0).trials[0], 300.0)
    speeds = Speeds.of(plan, records, records.history())
    least = speeds.full_seconds(likely_finalists(plan, records, records.history()), 1)
    assert least > FINALS_SHARE * 360
    clock = SearchClock(plan, records, clock=Clock(BEGAN))
    assert clock.end <= plan.deadline - speeds.delivery_seconds(0) - least


def test_a_reference_that_is_kept_needs_no_time(timed: Any, kept: Any, finish: Any) -> None:
    plan = timed(parallelism={"round_size": 3, "workers": 1})
    records = kept(plan)
    trained(records, finish, propose_round(plan, records, 0).trials[0], 0.5)
    before = SearchClock(plan, records, clock=Clock(BEGAN)).end
    reference = plan.full_training(plan.reference)
    key = f"checkpoints/{reference.id}.safetensors"
    finish(records, reference, checkpoint=key)
    records.store.put(key, b"weights")
    assert plan.reference not in likely_finalists(plan, records, records.history())
    assert SearchClock(plan, records, clock=Clock(BEGAN)).end > before + 10


@pytest.mark.parametrize(("left", "epochs"), [(10_000.0, 40), (100.0, None), (-50.0, 1)])
def test_full_trainings_get_as_many_epochs_as_there_is_time_for(
    timed: Any, kept: Any, finish: Any, left: float, epochs: int | None
) -> None:
    plan = timed()
    records = kept(plan)
    first = propose_round(plan, records, 0).trials[0]
    trained(records, finish, first, 4.0)
    speeds = Speeds.of(plan, records, records.history())
    now = Clock(plan.deadline - speeds.delivery_seconds(0) - left)
    found = final_epochs(plan, records, [first.architecture], now)
    if epochs is None:
        assert 1 < found < 40
        assert speeds.full_seconds([first.architecture], found) <= left
        assert speeds.full_seconds([first.architecture], found + 3) > left
    else:
        assert found == epochs
    assert final_epochs(replace(plan, deadline=None), records, [first.architecture], now) == 40


def test_the_search_of_a_run_is_closed_once_full_training_is_laid_down(timed: Any, kept: Any) -> None:
    plan = timed()
    records = kept(plan)
    assert not closed(plan, records)
    records.write("finals", {"extent": extent_asked(plan.config), "trials": []})
    assert closed(plan, records)
    assert not closed(replace(plan, deadline=None), records)
    assert not closed(timed(0.2), records)  # more hours: the search goes on
    other = plan.config.registry.model_copy(update={"margin": 0.01})
    changed = replace(plan, request=replace(plan.request, config=plan.config.model_copy(update={"registry": other})))
    assert closed(changed, records)  # that is another delivery of the same search


def test_the_pace_is_measured_once_and_only_where_there_is_time(
    timed: Any, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = timed()
    records = kept(plan)
    asked: list[int] = []
    pace = Pace((Timing(1e6, 0.1),), Timing(1e6, 0.2), 1.0, NORMAL_STARTUP)

    def measured(layout: Any, networks: Any, reference: Any, *, seconds: float) -> Pace:
        asked.append(len(networks))
        return pace

    monkeypatch.setattr(hours, "measure_pace", measured)
    networks = [plan.space.at(number) for number in range(8)]
    assert not keep_pace(plan, records, networks, Clock(plan.deadline - 30))
    assert not keep_pace(replace(plan, deadline=None), records, networks, Clock(BEGAN))
    assert not keep_pace(plan, records, [], Clock(BEGAN))
    assert asked == []
    assert keep_pace(plan, records, networks, Clock(BEGAN))
    assert not keep_pace(plan, records, networks, Clock(BEGAN))
    assert asked == [hours.PACE_NETWORKS]
    assert Speeds.of(plan, records, records.history()).pace == pace


def test_the_load_of_a_trial_is_that_of_its_share_of_the_samples(timed: Any) -> None:
    plan = timed(fidelity={"epochs": 2, "data_fraction": 0.5})
    counts = plan.bundle.counts
    assert load_of(plan.fidelity.samples(counts["train"]), counts["val"]) < load_of(counts["train"], counts["val"])


def test_the_pace_is_not_measured_on_networks_that_fail(
    timed: Any, kept: Any, fragile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = timed(space=fragile)
    asked: list[Any] = []

    def measured(layout: Any, networks: Any, reference: Any, *, seconds: float) -> Pace:
        asked.extend(networks)
        return Pace((Timing(1e6, 0.1),), Timing(1e6, 0.2), 1.0, NORMAL_STARTUP)

    monkeypatch.setattr(hours, "measure_pace", measured)
    networks = [plan.space.at(number) for number in (0, 1)]
    assert keep_pace(plan, kept(plan), networks, Clock(BEGAN))
    assert asked == networks[1:]


def test_a_network_that_fails_is_no_likely_finalist(timed: Any, kept: Any, fragile: Any) -> None:
    plan = timed(space=fragile)
    records = kept(plan)
    trials = [plan.trial(Candidate(plan.space.at(number), plan.fidelity)) for number in (0, 1, 2)]
    history = History(Entry(trial, None) for trial in trials)
    assert likely_finalists(plan, records, history) == [plan.space.at(1), plan.reference]
