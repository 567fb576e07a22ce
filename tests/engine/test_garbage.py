"""What no search needs, and what some search does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from nasflow.engine.garbage import garbage
from nasflow.engine.lease import hold
from nasflow.engine.rounds import propose_round
from nasflow.training.job import checkpoint_key


def kinds(store: Any) -> Counter[str]:
    return Counter(item.kind for item in garbage(store))


def folder(parent: Path, name: str, size: int) -> Path:
    made = parent / name
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "file").write_bytes(b"x" * size)
    return made


def test_an_empty_store_has_none(planned: Any, kept: Any) -> None:
    assert list(garbage(kept(planned()).store)) == []


def test_checkpoints_of_open_trials_and_of_finals_are_needed(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    store = records.store
    first, second, third = propose_round(plan, records, 0).trials
    final = plan.full_training(first.architecture)
    finish(records, first)
    finish(records, second)
    finish(records, final)
    records.write("finals", {"trials": [final.to_json()], "kinds": ["final"]})
    for trial in (first, second, third, final):
        store.put(checkpoint_key(trial.id), b"12345")
    found = list(garbage(store))
    assert [(item.kind, item.size) for item in found] == [("checkpoints", 5)] * 2
    for item in found:
        item.remove()
    assert sorted(store.keys("checkpoints/")) == sorted(checkpoint_key(t.id) for t in (third, final))
    assert list(garbage(store)) == []


def test_prepared_data_that_a_search_points_to_are_needed(planned: Any, kept: Any, tmp_path: Path) -> None:
    plan = planned()
    records = kept(plan)
    local = records.store.local_folder() / "data"
    needed, stray = folder(local, "needed", 10), folder(local, "stray", 30)
    document = records.description()
    assert document is not None
    records.write("search", document | {"bundle": str(needed)})
    (item,) = garbage(records.store)
    assert (item.kind, item.size) == ("prepared data", 30)
    item.remove()
    assert needed.exists()
    assert not stray.exists()
    item.remove()  # gone already: nothing happens


def test_pipelines_go_once_they_have_ended(planned: Any, kept: Any) -> None:
    one, two = planned(), planned(seed=1)
    records, other = kept(one), kept(two)
    local = records.store.local_folder() / "pipelines"
    folder(local, one.search_id, 10)
    folder(local, two.search_id, 20)
    stray = folder(records.store.local_folder() / "data", "stray", 30)
    with hold(records.store, f"{records.folder}/lease.json"):
        assert [(item.kind, item.size) for item in garbage(records.store)] == [("artifacts of finished pipelines", 20)]
        assert stray.exists()  # it may be what the running search has just prepared
    assert kinds(other.store) == {"artifacts of finished pipelines": 2, "prepared data": 1}


def test_results_are_never_garbage(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    stray = plan.full_training(plan.reference)
    finish(records, stray)
    assert list(garbage(records.store)) == []
    assert records.result(stray, 0.0) is not None
