from __future__ import annotations

import json

import pytest

from nasflow.tracking.claims import Claim, Claims
from nasflow.tracking.client import Connection, connect
from nasflow.tracking.records import PENDING, Note, creator_tag
from nasflow.tracking.runs import Runs


@pytest.fixture
def connection(target) -> Connection:
    return connect(target)


@pytest.fixture
def open_runs(connection, store):
    return lambda **params: Runs(connection, store, "cafe", "digits", params or {"a": "1"})


def pending(connection, store, creator: str, **tags: str) -> str:
    tags = {"nasflow.search_id": "cafe", "nasflow.kind": PENDING, "nasflow.creator": creator, **tags}
    return connection.client.create_run(connection.experiment_id, tags=tags).info.run_id


def dead(store) -> str:
    return json.dumps(json.loads(creator_tag(store.url)) | {"started": "ticks:1"})


def stage(connection, run_id: str) -> str:
    return connection.client.get_run(run_id).info.lifecycle_stage


def test_there_is_one_parent(open_runs, runs_of) -> None:
    first, second = open_runs(), open_runs()
    assert first.parent.id == second.parent.id
    assert [run.info.run_id for run in runs_of()] == [first.parent.id]


def test_new_parameters_of_the_parent_are_added(open_runs, runs_of) -> None:
    open_runs(trials="24")
    open_runs(trials="24", more="x")
    assert runs_of("search")[0].data.params == {"trials": "24", "more": "x"}


def test_a_child_is_made_once_and_is_pending_until_something_is_written(open_runs, scenario, runs_of) -> None:
    runs = open_runs()
    note = Note(scenario.make_trial(1), "trial", 1000)
    child = runs.child(note)
    assert runs.child(note).id == child.id
    assert child.kind == PENDING
    assert open_runs().child(note).id == child.id
    assert [run.info.run_id for run in runs_of(PENDING)] == [child.id]


def test_the_loser_of_a_race_takes_the_winners_run_and_deletes_its_own(
    open_runs, connection, store, scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, trial = open_runs(), scenario.make_trial(1)
    made: list[str] = []
    create = runs._create

    def meanwhile(title, tags, started):
        run = create(title, tags, started)
        winner = create(title, tags, started)
        made.extend([run.id, winner.id])
        assert Claims(store, "cafe", connection.identity).write(trial.id, Claim(winner.id, runs.parent.id), None)
        return run

    monkeypatch.setattr(runs, "_create", meanwhile)
    mine, winner = None, runs.child(Note(trial, "trial", 1000)).id
    mine, first = made
    assert winner == first
    assert stage(connection, mine) == "deleted"
    assert stage(connection, winner) == "active"


def test_only_what_was_left_behind_is_cleared_away(open_runs, connection, store, scenario) -> None:
    trial = scenario.make_trial(1)
    runs = open_runs()
    of_parent = {"mlflow.parentRunId": runs.parent.id}
    left = pending(connection, store, dead(store), **{"nasflow.trial_id": trial.id}, **of_parent)
    alive = pending(connection, store, creator_tag(store.url), **{"nasflow.trial_id": "other"}, **of_parent)
    foreign = pending(connection, store, dead(store).replace(json.loads(dead(store))["store"], "elsewhere"))
    parent = pending(connection, store, dead(store))
    claimed = pending(connection, store, dead(store), **{"nasflow.trial_id": "mine"}, **of_parent)
    Claims(store, "cafe", connection.identity).write("mine", Claim(claimed, runs.parent.id), None)
    open_runs()
    states = {run: stage(connection, run) for run in (left, alive, foreign, parent, claimed)}
    assert states == {left: "deleted", alive: "active", foreign: "active", parent: "deleted", claimed: "active"}


def test_a_discarded_run_is_made_anew(open_runs, connection, scenario) -> None:
    runs, note = open_runs(), Note(scenario.make_trial(1), "trial", 1000)
    first = runs.child(note)
    runs.discard(first)
    second = runs.child(note)
    assert second.id != first.id
    assert (stage(connection, first.id), stage(connection, second.id)) == ("deleted", "active")


def test_children_of_a_deleted_parent_are_moved_to_the_new_one(open_runs, connection, scenario, runs_of) -> None:
    runs, note = open_runs(), Note(scenario.make_trial(1), "trial", 1000)
    old = runs.child(note)
    connection.client.delete_run(runs.parent.id)
    again = open_runs()
    new = again.child(note)
    assert again.parent.id != runs.parent.id
    assert new.tags["mlflow.parentRunId"] == again.parent.id
    assert stage(connection, old.id) == "deleted"
    assert len(runs_of()) == 2


def test_all_pages_are_read(open_runs, scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    from nasflow.tracking import runs as module
    from nasflow.tracking.writing import write

    runs = open_runs()
    for number in range(5):
        write(runs, Note(scenario.make_trial(number), "trial", 1000))
    monkeypatch.setattr(module, "_PAGE", 2)
    assert len(open_runs().children) == 5
