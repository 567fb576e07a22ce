from __future__ import annotations

import logging
import threading
import time

import pytest

from nasflow.errors import TrackingError
from nasflow.tracking import writer as module
from nasflow.tracking.client import RefusedError
from nasflow.tracking.session import Session
from nasflow.tracking.writer import Writer


@pytest.fixture
def session(target, store) -> Session:
    return Session(target, store, "cafe", "digits", {})


@pytest.fixture
def writer(session):
    made = Writer(session)
    yield made
    made.close(0)


def note_epoch(writer: Writer, scenario, trial, epoch: int) -> None:
    writer.change(trial, "trial", lambda note: note.points.update({epoch: scenario.make_point(epoch)}))


def test_nothing_to_do_is_done(writer: Writer) -> None:
    assert writer.flush(0)
    assert writer._thread is None


def test_saying_never_waits_for_mlflow(writer: Writer, session, scenario) -> None:
    with session.runs():  # as long as this thread has it, the other cannot write
        trial = scenario.make_trial(1)
        for epoch in range(1, 5):
            note_epoch(writer, scenario, trial, epoch)
        assert not writer.flush(0.05)
    assert writer.flush(60)


def test_what_happens_meanwhile_shares_a_request(writer: Writer, session, scenario, monkeypatch, runs_of) -> None:
    written: list[int] = []
    real = module.write

    def write(runs, note) -> None:
        written.append(len(note.points))
        real(runs, note)

    monkeypatch.setattr(module, "write", write)
    trial = scenario.make_trial(1)
    with session.runs():
        for epoch in range(1, 5):
            note_epoch(writer, scenario, trial, epoch)
    assert writer.flush(60)
    assert written == [4]
    assert runs_of("trial")[0].data.metrics["val_accuracy"] == 1 - 0.1 / 4


def test_what_was_taken_is_not_written(writer: Writer, session, scenario, runs_of) -> None:
    trial = scenario.make_trial(1)
    with session.runs():
        note_epoch(writer, scenario, trial, 1)
        taken = writer.take(trial.id)
    assert taken is not None
    assert list(taken.points) == [1]
    assert writer.take(trial.id) is None
    assert writer.flush(60)
    assert runs_of("trial") == []


def test_a_refused_run_does_not_hold_up_the_others(writer: Writer, scenario, monkeypatch, caplog, runs_of) -> None:
    real = module.write
    bad, good = scenario.make_trial(1), scenario.make_trial(2)

    def write(runs, note) -> None:
        if note.trial.id == bad.id:
            raise RefusedError("no such parameter")
        real(runs, note)

    monkeypatch.setattr(module, "write", write)
    with caplog.at_level(logging.WARNING):
        note_epoch(writer, scenario, bad, 1)
        note_epoch(writer, scenario, good, 1)
        assert writer.flush(60)
    assert "no such parameter" in caplog.text
    assert [run.data.tags["nasflow.trial_id"] for run in runs_of("trial")] == [good.id]


def test_an_unexpected_error_does_not_end_the_thread(writer: Writer, scenario, monkeypatch, caplog, runs_of) -> None:
    real, failed = module.write, threading.Event()

    def write(runs, note) -> None:
        if not failed.is_set():
            failed.set()
            raise ZeroDivisionError
        real(runs, note)

    monkeypatch.setattr(module, "write", write)
    note_epoch(writer, scenario, scenario.make_trial(1), 1)
    assert writer.flush(60)
    assert failed.is_set()
    assert "unexpected error" in caplog.text
    assert len(runs_of("trial")) == 1


def test_finished_trials_are_forgotten(writer: Writer, scenario) -> None:
    trial = scenario.make_trial(1)

    def finish(note) -> None:
        note.result = scenario.make_result(trial)

    writer.change(trial, "trial", finish)
    assert writer.flush(60)
    assert writer._notes == {}


def test_closing_ends_the_thread(writer: Writer, scenario) -> None:
    note_epoch(writer, scenario, scenario.make_trial(1), 1)
    assert writer.close(60)
    thread = writer._thread
    assert thread is not None
    thread.join(60)
    assert not thread.is_alive()
    assert thread.daemon


def test_where_mlflow_is_away_closing_waits_for_one_attempt_alone(
    writer: Writer, session, scenario, monkeypatch, caplog
) -> None:
    def away():
        raise TrackingError("MLflow is away.")

    monkeypatch.setattr(session, "_open", away)
    note_epoch(writer, scenario, scenario.make_trial(1), 1)
    began = time.monotonic()
    assert not writer.close(60)
    assert time.monotonic() - began < 10
    assert [r.getMessage() for r in caplog.records] == ["runs wait, and the search goes on: MLflow is away."]


def test_an_outage_is_told_once_and_so_is_its_end(writer: Writer, session, scenario, monkeypatch, caplog) -> None:
    real, attempts = session._open, []

    def later():
        attempts.append(1)
        if len(attempts) < 3:
            raise TrackingError("MLflow is away.")
        return real()

    monkeypatch.setattr(session, "_open", later)
    with caplog.at_level(logging.INFO, "nasflow"):
        note_epoch(writer, scenario, scenario.make_trial(1), 1)
        assert writer.flush(60)
    assert [r.getMessage() for r in caplog.records] == [
        "runs wait, and the search goes on: MLflow is away.",
        "MLflow is back; the runs that waited are written",
    ]


def test_what_others_could_not_write_is_written_with_the_next_thing(writer: Writer, scenario, runs_of) -> None:
    known, missing, own = map(scenario.make_trial, (1, 2, 3))
    asked: list[set[str]] = []

    def finish(note) -> None:
        note.result = scenario.make_result(known)

    def earlier(whole):
        asked.append(set(whole))
        return [("trial", missing, scenario.make_result(missing), True)]

    writer.change(known, "trial", finish)
    assert writer.flush(60)
    writer.catch_up(earlier)
    for epoch in (1, 2):
        note_epoch(writer, scenario, own, epoch)
        assert writer.flush(60)
    assert asked == [{known.id}]
    reused = {run.data.tags["nasflow.trial_id"]: run.data.tags.get("nasflow.reused") for run in runs_of("trial")}
    assert reused == {known.id: None, missing.id: "true", own.id: None}
