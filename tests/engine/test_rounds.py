"""Rounds: the same ones however often and wherever they are asked for, within the budget and the space."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.engine.rounds import check_failures, propose_round, work
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
