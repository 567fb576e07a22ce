"""What a search begins with when it is part of a refresh."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.records import SearchRecords
from nasflow.engine.refreshes import (
    ORIGIN,
    first_proposals,
    keep_decision,
    keep_start,
    read_decision,
    read_start,
    suits,
)
from nasflow.engine.rounds import propose_round
from nasflow.errors import IntegrityError
from nasflow.spaces import Architecture
from nasflow.storage import Store, open_store
from nasflow.testing.toy import toy_problem, toy_space, toy_trial
from nasflow.trials import Candidate, Entry, History


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def some(count: int, layers: int = 3) -> list[Architecture]:
    space, rng = toy_space(layers), random.Random(0)
    return list(dict.fromkeys(space.sample(rng) for _ in range(10 * count)))[:count]


def begun(store: Store, architectures: list[Architecture]) -> None:
    keep_start(store, "abc", {"architectures": [one.to_json() for one in architectures]})


def test_what_is_kept_first_stands(store: Store) -> None:
    assert read_start(store, "abc") is None
    keep_start(store, "abc", {"architectures": [], "at": 1})
    keep_start(store, "abc", {"architectures": [], "at": 2})
    assert (read_start(store, "abc") or {})["at"] == 1
    assert read_decision(store, "abc") is None
    for decision in ("kept", "promoted"):
        keep_decision(store, "abc", {"decision": decision})
        assert read_decision(store, "abc") == {"decision": decision}
    assert read_decision(store, "other") is None


def test_a_search_of_its_own_begins_with_nothing(store: Store) -> None:
    assert first_proposals("", toy_problem(toy_space()), History(), store) == []


def test_they_come_in_order_at_the_fidelity_of_the_search(store: Store) -> None:
    best, problem = some(4), toy_problem(toy_space())
    begun(store, best)
    found = first_proposals("abc", problem, History(), store)
    assert found == [Candidate(one, problem.fidelity, origin=ORIGIN) for one in best]


def test_what_was_proposed_is_not_proposed_again(store: Store) -> None:
    best, problem = some(4), toy_problem(toy_space())
    begun(store, best)
    known = [Entry(toy_trial(Candidate(one, problem.fidelity)), None) for one in best[:2]]
    found = first_proposals("abc", problem, History(known), store)
    assert [one.architecture for one in found] == best[2:]


def test_what_does_not_suit_the_space_is_left_out(store: Store) -> None:
    problem, foreign = toy_problem(toy_space(1)), some(5, layers=3)
    begun(store, foreign)
    fitting = [one for one in foreign if suits(problem, one)]
    assert len(fitting) < len(foreign)
    assert [one.architecture for one in first_proposals("abc", problem, History(), store)] == fitting


def test_a_refresh_that_the_store_does_not_know_is_an_error(store: Store) -> None:
    with pytest.raises(IntegrityError, match=r"refresh abc is not in the store .*'nasflow refresh'"):
        first_proposals("abc", toy_problem(toy_space()), History(), store)


def test_a_search_that_begins_so_is_another_search(planned: Any) -> None:
    plan = planned()
    refreshed = replace(plan, request=replace(plan.request, refresh="abc"))
    other = replace(plan, request=replace(plan.request, refresh="abd"))
    assert len({plan.search_id, refreshed.search_id, other.search_id}) == 3
    assert replace(plan, request=replace(plan.request, refresh="")).search_id == plan.search_id
    request = type(plan.request).from_json(refreshed.request.to_json())
    assert request.refresh == "abc"
    assert "refresh" not in plan.request.to_json()


@pytest.mark.parametrize("strategy", ["random", "evolution", "grid"])
def test_rounds_begin_with_them_and_the_strategy_goes_on(planned: Any, strategy: str) -> None:
    """Four, in rounds of three: a whole round and the first of the next, whatever the strategy; never twice."""
    plan = planned(strategy=strategy)
    best = list(dict.fromkeys(plan.space.sample(random.Random(seed)) for seed in range(8)))[:4]
    store = plan.request.store()
    keep_start(store, "abc", {"architectures": [one.to_json() for one in best]})
    plan = replace(plan, request=replace(plan.request, refresh="abc"))
    records = SearchRecords(store, plan.search_id)
    records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
    first = propose_round(plan, records, 0).trials
    assert [trial.architecture for trial in first] == best[:3]
    assert {trial.origin for trial in first} == {ORIGIN}
    assert propose_round(plan, records, 0).trials == first, "asked again, the same"
    for trial in first:
        finish(records, trial)
    second = propose_round(plan, records, 1).trials
    assert second[0].architecture == best[3]
    assert [trial.origin for trial in second].count(ORIGIN) == 1
    assert len({trial.architecture for trial in (*first, *second)}) == 6


def finish(records: SearchRecords, trial: Any) -> None:
    from nasflow.storage.documents import write_json
    from nasflow.training.job import result_key
    from nasflow.trials import Status, TrialResult

    now = records.started_at + 1
    metrics = {"val_accuracy": int(trial.id[:4], 16) / 65536}
    result = TrialResult(trial.id, Status.COMPLETED, metrics, started_at=now, finished_at=now)
    write_json(records.store, result_key(trial.id), result.to_json())
