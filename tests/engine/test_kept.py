"""Finding the searches that a store keeps, and who runs them."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.kept import all_records, find_search, holder_of, kept_searches
from nasflow.engine.lease import Holder, hold
from nasflow.engine.records import SearchRecords
from nasflow.errors import UserError
from nasflow.storage import open_store
from nasflow.storage.documents import read_json, write_json


def test_the_one_that_began_last_comes_first(planned: Any, kept: Any) -> None:
    plans = [planned(name=name) for name in ("one", "two", "three")]
    *_, store = (kept(plan).store for plan in plans)
    found = kept_searches(store)
    assert [k.search.config.name for k in found] == ["three", "two", "one"]
    assert found[0].request == plans[2].request
    assert found[0].bundle == str(plans[2].bundle.root)
    assert found[0].search.space.id == plans[2].space.id
    assert {records.search_id for records in all_records(store)} == {plan.search_id for plan in plans}


def test_of_one_name_the_last_is_found(planned: Any, kept: Any) -> None:
    first, second = planned(), planned(seed=1)
    store = kept(first).store
    kept(second)
    assert find_search(store, "planned").records.search_id == second.search_id
    assert find_search(store, first.search_id).records.search_id == first.search_id
    assert find_search(store, first.search_id[:5]).records.search_id == first.search_id


def test_three_characters_are_no_id(planned: Any, kept: Any) -> None:
    plan = planned()
    store = kept(plan).store
    with pytest.raises(UserError, match="it keeps planned"):
        find_search(store, plan.search_id[:3])


def test_an_empty_store_keeps_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    assert kept_searches(store) == []
    assert all_records(store) == []
    with pytest.raises(UserError, match="keeps no search yet"):
        find_search(store, "planned")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "damage",
    [
        {"task": {"name": "of-a-plugin-that-is-gone"}},
        {"a_section_of_tomorrow": {}},
        {"budget": {"trials": "many"}},
    ],
    ids=str,
)
def test_a_search_that_cannot_be_read_here_hides_no_other(planned: Any, kept: Any, damage: dict[str, Any]) -> None:
    good, bad = planned(), planned(seed=1)
    kept(good)
    records = kept(bad)
    key = f"{records.folder}/search.json"
    document = read_json(records.store, key) or {}
    document["request"]["config"] |= damage
    write_json(records.store, key, document)
    assert [k.records.search_id for k in kept_searches(records.store)] == [good.search_id]
    assert len(all_records(records.store)) == 2


def test_the_holder_is_named_while_it_lives(planned: Any, kept: Any) -> None:
    plan = planned()
    records = kept(plan)
    assert holder_of(records) == ""
    with hold(records.store, f"{records.folder}/lease.json", Holder.here("my command")):
        assert "my command" in holder_of(records)
        assert find_search(records.store, "planned").holder == holder_of(records)
    assert holder_of(records) == ""


def test_a_holder_that_was_killed_holds_nothing(planned: Any, kept: Any) -> None:
    records = kept(planned())
    program = (
        "import os, signal, sys\n"
        "from nasflow.engine.lease import hold\n"
        "from nasflow.storage import open_store\n"
        "with hold(open_store(sys.argv[1]), sys.argv[2]):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    key = f"{records.folder}/lease.json"
    subprocess.run([sys.executable, "-c", program, records.store.url, key], check=False)
    assert records.store.get(key) is not None
    assert holder_of(SearchRecords(records.store, records.search_id)) == ""


@pytest.mark.parametrize(("silent", "held"), [(5.0, True), (59.0, True), (61.0, False), (-70.0, False)])
def test_a_holder_elsewhere_is_taken_as_gone_when_it_is_silent(
    planned: Any, kept: Any, silent: float, held: bool
) -> None:
    records = kept(planned())
    here = Holder.here("far away")
    process = replace(here.process, machine="another", host="elsewhere")
    holder = replace(here, process=process, renewed=time.time() - silent)
    records.store.put(f"{records.folder}/lease.json", holder.pack())
    assert ("far away" in holder_of(records)) is held


def test_a_raised_goal_is_the_same_search(planned: Any, kept: Any) -> None:
    plans = [planned(seed=n, objectives=[{"name": "val_accuracy", "stop_at": 0.9}]) for n in (0, 1)]
    store, _ = (kept(plan).store for plan in plans)
    like = planned(objectives=["val_accuracy"]).config
    assert find_search(store, "planned", like).records.search_id == plans[0].search_id
