"""A real MLflow server, with PostgreSQL and MinIO behind it, that goes away while several processes write to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import TrackingError
from nasflow.storage.file import FileStore
from nasflow.testing.tracking import MlflowServer
from nasflow.tracking import Tracker, TrackingTarget, patiently

SHARD = """
import os, time
from pathlib import Path
from nasflow.storage.file import FileStore
from nasflow.tracking import Tracker, TrackingTarget
tracker = Tracker(TrackingTarget(uri, "digits"), FileStore(folder), "cafe", "digits", {"strategy": "random"})
longest = 0.0
def timed(say, *arguments):
    global longest
    began = time.monotonic()
    say(*arguments)
    longest = max(longest, time.monotonic() - began)
for number in numbers:
    trial = make_trial(number)
    timed(tracker.started, trial, "trial")
    for epoch in range(1, 5):
        timed(tracker.epoch, trial, "trial", make_point(epoch))
        time.sleep(pause)
    timed(tracker.finished, trial, "trial", make_result(trial), False)
began = time.monotonic()
whole = tracker.close(closing)
Path(folder, f"told-{numbers[0]}-{len(numbers)}").write_text(f"{longest} {time.monotonic() - began} {whole}")
"""


class Deaf:
    """A server that takes connections and never answers: what a hanging one is like."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.uri = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    server = Deaf()
    yield server
    server.close()


def closed(tracker: Tracker, scenario: Any) -> float:
    """Say something, and return for how many seconds the end was held up."""
    trial = scenario.make_trial(1)
    began = time.monotonic()
    tracker.started(trial, "trial")
    tracker.epoch(trial, "trial", scenario.make_point(1))
    tracker.finished(trial, "trial", scenario.make_result(trial), False)
    assert time.monotonic() - began < 0.5
    began = time.monotonic()
    assert not tracker.close(5.0)
    return time.monotonic() - began


def test_one_that_refuses_holds_nobody_up(store: FileStore, scenario: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    import mlflow  # noqa: F401 # which takes seconds the first time

    tracker = Tracker(TrackingTarget(f"http://127.0.0.1:{port}", "digits"), store, "cafe", "digits", {})
    assert closed(tracker, scenario) < 3.0


def test_one_that_hangs_holds_the_end_of_a_step_up_for_five_seconds(
    store: FileStore, scenario: Any, deaf: Deaf
) -> None:
    tracker = Tracker(TrackingTarget(deaf.uri, "digits"), store, "cafe", "digits", {})
    assert closed(tracker, scenario) < 5.5


def test_who_has_to_wait_waits_as_long_as_is_said(store: FileStore, scenario: Any, deaf: Deaf) -> None:
    tracker = Tracker(TrackingTarget(deaf.uri, "digits"), store, "cafe", "digits", {})
    began = time.monotonic()
    with pytest.raises(TrackingError, match=r"MLflow at 'http.*' cannot be reached \(.*timed out"):
        patiently(tracker.parent_run_id, 1.0)
    assert time.monotonic() - began < 8.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    made = MlflowServer(tmp_path_factory.mktemp("servers"))
    made.start()
    yield made
    made.remove()


class TestServer:
    """Everything here needs PostgreSQL and MinIO, and takes a while to start."""

    pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

    @pytest.fixture
    def target(self, server: MlflowServer) -> Iterator[TrackingTarget]:
        """The server, whose experiment gets another name afterwards."""
        from mlflow import MlflowClient

        yield TrackingTarget(server.uri, "digits")
        client = MlflowClient(server.uri)
        if (experiment := client.get_experiment_by_name("digits")) is not None:
            client.rename_experiment(experiment.experiment_id, f"digits-{experiment.experiment_id}")

    @pytest.fixture
    def synced(self, make_tracker: Callable[..., Tracker], scenario: Any) -> Callable[[range], list[bool]]:
        """Write whatever is missing; return for each run whether something of it was."""

        def sync(numbers: range) -> list[bool]:
            missing: list[bool] = []
            trials = [scenario.make_trial(number) for number in numbers]
            entries = [("trial", trial, scenario.make_result(trial)) for trial in trials]
            make_tracker().sync(entries, complete=True, on_run=missing.append)
            return missing

        return sync

    @pytest.fixture
    def whole(self, check_complete: Callable[..., None], scenario: Any) -> Callable[[range], None]:
        """Check that MLflow has exactly these trials, each once."""
        return lambda numbers: check_complete([scenario.make_trial(number) for number in numbers])

    @pytest.fixture
    def shard(self, server: MlflowServer, spawn: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
        """Start a process that tells of trials as a step of the pipeline does."""
        variables = {"uri": server.uri, "folder": str(tmp_path), "pause": 1.0}
        return lambda numbers, closing: spawn(SHARD, numbers=list(numbers), closing=closing, **variables)

    def test_shards_at_the_same_time_and_an_outage_in_the_middle(
        self, server: MlflowServer, shard: Any, synced: Any, whole: Any, tmp_path: Path
    ) -> None:
        shards = [range(1, 5), range(5, 9), range(9, 13), range(1, 13, 4)]  # the last one has trials of the others
        running = [shard(numbers, 60.0) for numbers in shards]
        time.sleep(6)
        server.kill()
        time.sleep(10)
        server.start()
        for process in running:
            process.join(240)
            assert process.exitcode == 0
        for told in tmp_path.glob("told-*"):
            assert float(told.read_text().split()[0]) < 0.5, "a step was held up"
        synced(range(1, 13))
        whole(range(1, 13))
        assert synced(range(1, 13)) == [False] * 12

    def test_gone_for_good_and_written_by_hand(
        self, server: MlflowServer, shard: Any, synced: Any, whole: Any, tmp_path: Path
    ) -> None:
        running = shard(range(21, 24), 5.0)
        time.sleep(5)
        server.kill()
        running.join(120)
        assert running.exitcode == 0
        longest, closing, written = (tmp_path / "told-21-3").read_text().split()
        assert (float(longest) < 0.5, float(closing) < 5.5, written) == (True, True, "False")
        server.start()
        assert any(synced(range(21, 24)))
        whole(range(21, 24))
        assert synced(range(21, 24)) == [False] * 3

    def test_an_answer_that_is_lost_makes_no_second_run(
        self, scenario: Any, tracker: Tracker, synced: Any, whole: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The run is there, but whoever made it hears of a broken connection instead."""
        import requests
        from mlflow import MlflowClient

        real, lost = MlflowClient.create_run, threading.Event()

        def made(client: Any, *arguments: Any, **options: Any) -> Any:
            found = real(client, *arguments, **options)
            if "nasflow.trial_id" in options["tags"] and not lost.is_set():
                lost.set()
                raise requests.ConnectionError("the connection was reset")
            return found

        monkeypatch.setattr(MlflowClient, "create_run", made)
        trial = scenario.make_trial(31)
        tracker.finished(trial, "trial", scenario.make_result(trial), False)
        assert tracker.flush(60)
        assert lost.is_set()
        synced(range(31, 32))
        whole(range(31, 32))
