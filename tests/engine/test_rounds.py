"""Rounds: the same ones however often and wherever they are asked for, within the budget and the space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nasflow.engine.request import extent_asked
from nasflow.engine.rounds import (
    UNROLLED_ROUNDS,
    check_failures,
    propose_round,
    steps_after,
    unrolled_rounds,
    work,
)
from nasflow.errors import SearchError
from nasflow.trials import Entry, History, Status


def run(plan: Any, records: Any, finish: Any, status: Status = Status.COMPLETED) -> list[list[str]]:
    """Propose every round of a plan, finish its trials, and return their ids round by round."""
    rounds = []
    for number in range(plan.config.rounds):
        made = propose_round(plan, records, number)
        for trial in made.trials:
            if records.result(trial, records.started_at) is None:
                finish(records, trial, status)
        rounds.append([trial.id for trial in made.trials])
    return rounds


def test_rounds_fill_the_budget(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    rounds = run(plan, kept(plan), finish)
    assert [len(r) for r in rounds] == [3, 3, 1]
    assert len({trial for r in rounds for trial in r}) == 7


def test_a_round_asked_for_again_is_the_same(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned(strategy="evolution")
    records = kept(plan)
    rounds = run(plan, records, finish)
    batches = records.batches()
    assert run(plan, records, finish) == rounds
    assert records.batches() == batches
    assert [trial.id for trial in propose_round(plan, records, 1).trials] == rounds[1]


def test_a_raised_budget_asks_for_the_missing_trials_only(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    few = [trial for r in run(plan, records, finish) for trial in r]
    more = planned(budget={"trials": 12})
    assert more.search_id == plan.search_id
    rounds = run(more, records, finish)
    assert [len(r) for r in rounds] == [3, 3, 3, 3]
    assert [trial for r in rounds for trial in r][:7] == few
    assert [batch.start for batch in records.batches()] == [0, 3, 6, 7, 9]
    assert [len(r) for r in run(plan, records, finish)] == [3, 3, 1]


def test_shards_hold_the_round_whatever_their_size(planned: Any, kept: Any) -> None:
    for size, count in ((1, 3), (2, 2), (3, 1), (9, 1)):
        plan = planned(parallelism={"round_size": 3, "shard_size": size})
        made = propose_round(plan, kept(plan), 0)
        assert len(made.shards) == count
        assert sorted(t.id for shard in made.shards for t in shard) == sorted(t.id for t in made.trials)


def test_a_space_that_ends_gives_empty_rounds_with_one_shard(planned: Any, kept: Any, finish: Any) -> None:
    space = {"family": "mlp", "options": {"max_depth": 1, "widths": [16], "dropouts": [0.0]}}
    plan = planned(space=space, budget={"trials": 40}, strategy="grid")
    records = kept(plan)
    rounds = run(plan, records, finish)
    assert sum(len(r) for r in rounds) == 15  # five activations, three normalisations
    assert len(rounds) == 14
    last = propose_round(plan, records, 13)
    assert (last.trials, last.shards) == ((), ((),))
    assert records.batches()[-1].exhausted
    before = len(records.batches())
    assert run(plan, records, finish) == rounds
    assert len(records.batches()) == before


def test_an_unfinished_round_before_is_named(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    first = propose_round(plan, records, 0)
    finish(records, first.trials[0])
    with pytest.raises(SearchError, match=r"2 trials of earlier rounds have no result .*run the same command again"):
        propose_round(plan, records, 1)


def test_a_strategy_that_finds_nothing_is_named(planned: Any, kept: Any) -> None:
    plan = planned(objectives=["val_accuracy", {"name": "parameters", "less_than": 5}])
    with pytest.raises(SearchError, match="'random' found nothing to propose"):
        propose_round(plan, kept(plan), 0)


def test_too_many_failures_stop_the_next_round(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned(budget={"trials": 7, "max_failed_trials": 2})
    records = kept(plan)
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial, Status.NOT_FINITE, cause="the loss became NaN.")
    with pytest.raises(
        SearchError, match=r"3 of 3 trials failed \(3 not_finite\), .*max_failed_trials \(2\).*became NaN"
    ):
        propose_round(plan, records, 1)


def test_failures_are_counted_by_cause(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    statuses = [Status.CRASHED, Status.TIMED_OUT, Status.CRASHED]
    results = [finish(records, t, s, cause=f"it {s}.") for t, s in zip(trials, statuses, strict=True)]
    history = History(Entry(t, r) for t, r in zip(trials, results, strict=True))
    check_failures(history, 3)
    with pytest.raises(SearchError, match=r"3 of 3 trials failed \(2 crashed, 1 timed_out\).*it crashed\."):
        check_failures(history, 2)


def test_rejected_trials_are_no_failures(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned(budget={"trials": 7, "max_failed_trials": 1})
    assert [len(r) for r in run(plan, kept(plan), finish, Status.REJECTED)] == [3, 3, 1]


def test_work_grows_with_network_epochs_and_data(planned: Any) -> None:
    plan = planned()
    small, large = (plan.space.at(n) for n in (0, plan.space.size - 1))
    if plan.cost(small).flops > plan.cost(large).flops:
        small, large = large, small
    assert work(plan, plan.full_training(small)) < work(plan, plan.full_training(large))
    longer = planned(final={"epochs": 80})
    assert work(longer, longer.full_training(small)) == 2 * work(plan, plan.full_training(small))


def goal(planned: Any, stop_at: float | None = 0.9) -> Any:
    return planned(objectives=[{"name": "val_accuracy", "stop_at": stop_at}])


def test_the_rounds_after_a_goal_are_empty(planned: Any, kept: Any, finish: Any) -> None:
    plan = goal(planned)
    records = kept(plan)
    first = propose_round(plan, records, 0).trials
    for value, trial in zip((0.5, 0.95, 0.6), first, strict=True):
        finish(records, trial, metrics={"val_accuracy": value})
    ended = propose_round(plan, records, 1)
    assert (ended.trials, ended.shards) == ((), ((),))
    assert ended.note == "The search reached stop_at (val_accuracy 0.9) in round 1."
    assert len(records.batches()) == 1
    assert propose_round(plan, records, 0).trials == first


def test_a_goal_changes_no_round_before_it(planned: Any, kept: Any, finish: Any) -> None:
    without = planned(objectives=["val_accuracy"])
    plan = goal(planned, 2.0)
    assert plan.search_id == without.search_id
    records = kept(plan)
    assert [len(r) for r in run(plan, records, finish)] == [3, 3, 1]


@pytest.mark.parametrize("raised", [0.99, None])
def test_a_goal_that_is_raised_or_taken_away_continues(
    planned: Any, kept: Any, finish: Any, raised: float | None
) -> None:
    records = kept(goal(planned))
    for trial in propose_round(goal(planned), records, 0).trials:
        finish(records, trial, metrics={"val_accuracy": 0.95})
    assert propose_round(goal(planned), records, 1).trials == ()
    assert len(propose_round(goal(planned, raised), records, 1).trials) == 3
    assert propose_round(goal(planned), records, 1).trials == ()  # lowered again, the later ones do not matter


class Over:
    """A clock by which the time is over, or not."""

    def __init__(self, now: bool) -> None:
        self.now = now

    def over(self) -> bool:
        return self.now


def test_when_the_time_is_over_no_round_but_the_first_is_proposed(planned: Any, kept: Any, finish: Any) -> None:
    plan = replace(planned(budget={"trials": 7, "hours": 1}), deadline=1.0)
    records = kept(plan)
    over: Any = Over(True)
    first = propose_round(plan, records, 0, over).trials
    assert len(first) == 3
    for trial in first:
        finish(records, trial)
    ended = propose_round(plan, records, 1, over)
    assert ended.trials == ()
    assert "budget.hours" in ended.note
    going: Any = Over(False)
    assert len(propose_round(plan, records, 1, going).trials) == 3


def test_trials_that_are_left_when_the_time_is_over_come_first_the_next_time(
    planned: Any, kept: Any, finish: Any
) -> None:
    plan = replace(planned(budget={"trials": 7, "hours": 1}), deadline=1.0)
    records = kept(plan)
    going: Any = Over(False)
    first = propose_round(plan, records, 0, going).trials
    finish(records, first[0])
    assert propose_round(plan, records, 1, going).trials == ()
    assert propose_round(plan, records, 0, going).trials == first
    with pytest.raises(SearchError, match="2 trials of earlier rounds have no result"):
        propose_round(planned(), records, 1)
    for trial in first[1:]:
        finish(records, trial)
    assert len(propose_round(plan, records, 1, going).trials) == 3


def test_a_search_whose_full_training_is_laid_down_is_not_taken_up_again(planned: Any, kept: Any) -> None:
    plan = replace(planned(budget={"trials": 7, "hours": 1}), deadline=1.0)
    records = kept(plan)
    records.write("finals", {"extent": extent_asked(plan.config), "trials": []})
    going: Any = Over(False)
    assert propose_round(plan, records, 0, going).trials == ()


def test_where_time_limits_the_search_few_rounds_are_steps(planned: Any) -> None:
    free = planned(budget={"trials": 60}).config
    limited = planned(budget={"trials": 60, "hours": 1}).config
    assert (unrolled_rounds(free), unrolled_rounds(limited)) == (20, UNROLLED_ROUNDS)
    short = [planned(budget={"trials": 60, "hours": hours}).config for hours in (0.01, 0.05, 0.1)]
    assert [unrolled_rounds(config) for config in short] == [1, 1, 3]
    assert steps_after(free, 19) == 1
    assert steps_after(free, 0) == 2 * 19 + 1
    assert steps_after(limited, UNROLLED_ROUNDS - 1) == 2
    assert steps_after(limited, 0) == 2 * (UNROLLED_ROUNDS - 1) + 2


def test_a_network_that_fails_is_proposed_and_does_not_end_the_search(planned: Any, kept: Any, fragile: Any) -> None:
    plan = planned(space=fragile)
    records = kept(plan)
    first = propose_round(plan, records, 0)
    assert sorted(trial.architecture.choices["d"] for trial in first.trials) == [1, 2, 3]
    assert [work(plan, trial) > 0 for trial in first.trials] == [t.architecture.choices["d"] != 1 for t in first.trials]
    assert propose_round(plan, records, 0) == first
    assert len(records.batches()) == 1
