"""What a search keeps, and how its history is put together."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nasflow.engine.records import Batch, SearchRecords
from nasflow.errors import IntegrityError
from nasflow.spaces import Architecture
from nasflow.storage import open_store
from nasflow.storage.documents import write_json
from nasflow.trials import Fidelity, Status, Trial, TrialResult


def trial(number: int) -> Trial:
    return Trial(Architecture("toy", {}, {"n": number}), Fidelity(1, 1), 0, "context")


def batch(start: int, count: int, exhausted: bool = False) -> Batch:
    return Batch(start, tuple(trial(start + i) for i in range(count)), exhausted, {"seen": start}, "a note")


@pytest.fixture
def records(tmp_path: Path) -> SearchRecords:
    found = SearchRecords(open_store(str(tmp_path / "store")), "0123456789abcdef")
    found.begin(json.dumps({"config": {"name": "one"}}), {"family": "toy"}, Path("/data/one"))
    return found


def keep(records: SearchRecords, of: Trial, status: Status, at: float) -> TrialResult:
    result = TrialResult(of.id, status, {"val_accuracy": at}, finished_at=at)
    write_json(records.store, f"results/{of.id}.json", result.to_json())
    return result


def test_beginning_again_keeps_the_start_and_the_data_but_not_the_request(records: SearchRecords) -> None:
    first = records.description()
    assert first is not None
    time.sleep(0.01)
    records.begin(json.dumps({"config": {"name": "two"}}), {"family": "toy"}, Path("/data/two"))
    second = records.description()
    assert second is not None
    assert (second["started_at"], second["bundle"]) == (first["started_at"], "/data/one")
    assert second["request"] == {"config": {"name": "two"}}
    assert records.started_at == first["started_at"]


def test_a_search_that_never_began_starts_now(tmp_path: Path) -> None:
    before = time.time()
    records = SearchRecords(open_store(str(tmp_path / "none")), "0123456789abcdef")
    assert records.started_at >= before
    assert records.description() is None
    assert len(records.history()) == 0
    assert not (tmp_path / "none").exists()


def test_batches_come_in_order_and_the_first_one_stands(records: SearchRecords) -> None:
    records.add_batch(batch(3, 2, exhausted=True))
    records.add_batch(batch(0, 3))
    other = Batch(3, (trial(77),), False, None, "")
    assert records.add_batch(other) == batch(3, 2, exhausted=True)
    assert records.batches() == [batch(0, 3), batch(3, 2, exhausted=True)]
    assert records.batches_from(3) == [batch(3, 2, exhausted=True)]
    assert records.batches_from(5) == []


def test_order_holds_above_nine_trials(records: SearchRecords) -> None:
    for start in (0, 8, 16, 104):
        records.add_batch(batch(start, 1))
    assert [found.start for found in records.batches()] == [0, 8, 16, 104]


def test_the_history_holds_open_trials_too(records: SearchRecords) -> None:
    records.add_batch(batch(0, 3))
    done = keep(records, trial(1), Status.COMPLETED, time.time())
    assert [entry.result for entry in records.history()] == [None, done, None]


@pytest.mark.parametrize("status", list(Status))
def test_failures_of_bad_luck_in_an_earlier_search_count_as_none(records: SearchRecords, status: Status) -> None:
    keep(records, trial(0), status, at=records.started_at - 10)
    known = records.result(trial(0), records.started_at)
    bad_luck = status in (Status.OUT_OF_MEMORY, Status.TIMED_OUT, Status.CRASHED)
    assert (known is None) is bad_luck


def test_a_failure_of_this_search_stands_whatever_others_find_later(records: SearchRecords) -> None:
    failed = keep(records, trial(0), Status.CRASHED, at=records.started_at + 1)
    assert records.keep_verdict(failed) == failed
    assert records.keep_verdict(replace(failed, cause="another")) == failed
    keep(records, trial(0), Status.COMPLETED, at=records.started_at + 2)
    assert records.result(trial(0), records.started_at) == failed
    other = SearchRecords(records.store, "fedcba9876543210")
    found = other.result(trial(0), records.started_at)
    assert found is not None
    assert found.status is Status.COMPLETED


@pytest.mark.parametrize("part", ["start", "trials", "exhausted", "state", "note"])
def test_a_batch_that_lacks_a_part_is_damaged(part: str) -> None:
    document = batch(0, 1).to_json()
    del document[part]
    with pytest.raises(IntegrityError, match=part):
        Batch.from_json(document)


def test_a_batch_with_an_altered_trial_is_damaged() -> None:
    document = batch(0, 1).to_json()
    document["trials"][0]["seed"] = 7
    with pytest.raises(IntegrityError, match="altered"):
        Batch.from_json(document)


def test_documents_of_a_search_are_its_own(records: SearchRecords) -> None:
    records.write("finals", {"trials": [1]})
    assert records.read("finals") == {"trials": [1]}
    assert SearchRecords(records.store, "fedcba9876543210").read("finals") is None


def test_what_was_measured_joins_every_result_of_its_network(tmp_path: Path) -> None:
    found = SearchRecords(open_store(str(tmp_path / "store")), "0123456789abcdef")
    assert found.measured(trial(0).architecture.id) == {}  # not begun yet
    asked = {"name": "one", "objectives": [{"name": "val_accuracy"}, {"name": "latency"}]}
    found.begin(json.dumps({"config": asked}), {"family": "toy"}, Path("/data/one"))
    found.add_batch(batch(0, 3))
    kept = [keep(found, trial(n), status, time.time()) for n, status in enumerate([Status.COMPLETED, Status.CRASHED])]
    found.keep_measured(trial(0).architecture.id, {"latency": 1.5})
    found.keep_measured(trial(0).architecture.id, {"latency": 9.0})  # the first stands
    first, second, third = found.history()
    assert first.result == kept[0].with_measured({"latency": 1.5})
    assert (second.result, third.result) == (kept[1], None)
    assert SearchRecords(found.store, found.search_id).result(trial(0), 0.0) == first.result
    found.keep_verdict(replace(kept[0], status=Status.REJECTED, metrics={}))
    rejected = found.result(trial(0), 0.0)
    assert rejected is not None
    assert rejected.metrics == {"latency": 1.5}


def test_a_search_without_measured_objectives_looks_nothing_up(records: SearchRecords) -> None:
    records.keep_measured(trial(0).architecture.id, {"latency": 1.5})
    kept = keep(records, trial(0), Status.COMPLETED, time.time())
    assert records.result(trial(0), 0.0) == kept


def test_a_document_is_created_once(records: SearchRecords) -> None:
    assert records.create("devices", {"one": 1})
    assert not records.create("devices", {"one": 2})
    assert records.read("devices") == {"one": 1}


def test_what_stands_is_read_once(records: SearchRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    records.add_batch(batch(0, 3))
    keep(records, trial(0), Status.COMPLETED, records.started_at + 1)
    keep(records, trial(1), Status.COMPLETED, records.started_at - 9)  # another search's: its weights may be wanted
    first = records.history()
    asked: list[str] = []
    whole = SearchRecords.result
    monkeypatch.setattr(
        SearchRecords, "result", lambda self, of, at: (asked.append(of.id), whole(self, of, at))[1], raising=True
    )
    again = records.history()
    assert [entry.result for entry in again] == [entry.result for entry in first]
    assert asked == [trial(1).id, trial(2).id]


def test_batches_of_others_are_found_later(records: SearchRecords) -> None:
    records.add_batch(batch(0, 3))
    assert len(records.history()) == 3
    SearchRecords(records.store, records.search_id).add_batch(batch(3, 2))
    assert len(records.history()) == 5
