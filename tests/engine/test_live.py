"""The view of what is under way."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.engine.live import LiveView, Running, running, together
from nasflow.engine.records import SearchRecords
from nasflow.errors import StorageError
from nasflow.spaces import Architecture
from nasflow.storage import open_store
from nasflow.training.events import EpochFinished, Event, TrialFinished, TrialStarted
from nasflow.trials import EpochPoint, Fidelity, Status, Trial, TrialResult


def trial(number: int) -> Trial:
    return Trial(Architecture("toy", {}, {"n": number}), Fidelity(3, 3), 0, "context")


def epoch(of: Trial, number: int) -> EpochFinished:
    return EpochFinished(of.id, EpochPoint(number, {"val_accuracy": number / 10}, 100.0, 100.0 + number))


def finished(of: Trial) -> TrialFinished:
    return TrialFinished(of, TrialResult(of.id, Status.COMPLETED), reused=False)


@pytest.fixture
def records(tmp_path: Path) -> SearchRecords:
    return SearchRecords(open_store(str(tmp_path)), "0123456789abcdef")


def test_it_follows_a_trial_from_start_to_end(records: SearchRecords) -> None:
    view = LiveView(records, "shard-0-0")
    view(TrialStarted(trial(1).id, 50.0, 0, resumed_epoch=2))
    assert running(records) == [Running(trial(1).id, 2, {}, 50.0)]
    view._written = 0.0
    view(epoch(trial(1), 3))
    assert running(records) == [Running(trial(1).id, 3, {"val_accuracy": 0.3}, 103.0)]
    view(finished(trial(1)))
    assert running(records) == []


def test_epochs_that_follow_at_once_wait_for_the_next_writing(records: SearchRecords) -> None:
    view = LiveView(records, "shard-0-0")
    view(TrialStarted(trial(1).id, 50.0, 0))
    view(epoch(trial(1), 1))
    assert [r.epoch for r in running(records)] == [0]
    view(TrialStarted(trial(2).id, 51.0, 1))
    assert sorted(r.epoch for r in running(records)) == [0, 1]


def test_tasks_are_seen_together_and_each_closes_its_own(records: SearchRecords) -> None:
    first, second = LiveView(records, "shard-0-0"), LiveView(records, "shard-0-1")
    first(TrialStarted(trial(1).id, 1.0, 0))
    second(TrialStarted(trial(2).id, 2.0, 0))
    assert {r.trial_id for r in running(records)} == {trial(1).id, trial(2).id}
    first.close()
    assert [r.trial_id for r in running(records)] == [trial(2).id]


def test_trials_that_end_without_having_started_write_nothing(records: SearchRecords) -> None:
    LiveView(records, "shard-0-0")(finished(trial(1)))
    assert list(records.store.keys("searches/")) == []


def test_a_store_that_is_away_stops_no_training(records: SearchRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(name: str, document: object) -> None:
        raise StorageError("away")

    monkeypatch.setattr(records, "write", away)
    view = LiveView(records, "shard-0-0")
    view(TrialStarted(trial(1).id, 1.0, 0))
    view.close()


def test_together_passes_every_event_to_all_in_order() -> None:
    heard: list[tuple[str, Event]] = []
    listen = together(lambda event: heard.append(("a", event)), lambda event: heard.append(("b", event)))
    events: list[Event] = [TrialStarted("x", 1.0, 0), finished(trial(1))]
    for event in events:
        listen(event)
    assert heard == [("a", events[0]), ("b", events[0]), ("a", events[1]), ("b", events[1])]
