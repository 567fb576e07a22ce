from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from nasflow.errors import TrackingError
from nasflow.tracking import Tracker, TrackingTarget
from nasflow.tracking.client import reach
from nasflow.trials import Status


def play(tracker: Tracker, scenario, trials, kind="trial") -> None:
    """Say all of some trials, as a search does."""
    for trial in trials:
        tracker.started(trial, kind)
        for epoch in range(1, 5):
            tracker.epoch(trial, kind, scenario.make_point(epoch))
        tracker.finished(trial, kind, scenario.make_result(trial), reused=False)


def entries(scenario, trials, kind="trial"):
    return [(kind, trial, scenario.make_result(trial)) for trial in trials]


def test_a_search_is_written_live_and_whole(tracker, scenario, check_complete, runs_of) -> None:
    trials = [scenario.make_trial(n) for n in range(3)]
    play(tracker, scenario, trials)
    assert tracker.flush(60)
    check_complete(trials)
    (parent,) = runs_of("search")
    assert parent.info.run_name == "digits"
    assert parent.data.params == {"strategy": "random"}
    assert parent.info.run_id == tracker.parent_run_id()


def test_a_run_tells_all_of_its_trial(tracker, scenario, runs_of) -> None:
    trial = scenario.make_trial(2)
    tracker.finished(trial, "trial", scenario.make_result(trial), reused=True)
    assert tracker.flush(60)
    (run,) = runs_of("trial")
    assert run.data.params == {
        "architecture_id": trial.architecture.id,
        "family": "cnn",
        "seed": "2",
        "epochs": "4",
        "horizon": "4",
        "data_fraction": "1.0",
        "arch.stage1.width": "32",
        "arch.act": "relu",
        "arch.se": "false",
    }
    tags = run.data.tags
    assert tags["nasflow.status"] == "completed"
    assert tags["nasflow.parents"] == "p1,p2"
    assert tags["nasflow.origin"] == "mutation"
    assert tags["nasflow.reused"] == "true"
    assert tags["nasflow.search_id"] == "cafe"
    assert tags["nasflow.architecture_id"] == trial.architecture.id
    assert run.data.metrics["val_accuracy"] == 1 - 0.1 / 4
    assert run.data.metrics["train_seconds"] == 4.5
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_700_000_006_000)


@pytest.mark.parametrize(
    ("status", "word"),
    [(Status.REJECTED, "FINISHED"), (Status.TIMED_OUT, "KILLED"), (Status.OUT_OF_MEMORY, "FAILED")],
)
def test_trials_without_a_result_to_show_have_their_cause(tracker, scenario, runs_of, status, word) -> None:
    trial = scenario.make_trial(1)
    result = scenario.make_result(trial, status=status, cause="because", metrics={}, curve=())
    tracker.finished(trial, "trial", result, reused=False)
    assert tracker.flush(60)
    (run,) = runs_of("trial")
    assert run.info.status == word
    assert run.data.tags["nasflow.cause"] == "because"
    assert run.data.tags["nasflow.status"] == status.value
    assert run.data.metrics == {}


def test_runs_are_seen_while_they_go_on(tracker, scenario, runs_of) -> None:
    trial = scenario.make_trial(1)
    tracker.started(trial, "final")
    tracker.epoch(trial, "final", scenario.make_point(1))
    assert tracker.flush(60)
    (run,) = runs_of("final")
    assert run.info.status == "RUNNING"
    assert run.data.metrics == dict(scenario.make_point(1).metrics)
    tracker.epoch(trial, "final", scenario.make_point(2))
    assert tracker.flush(60)
    (run,) = runs_of("final")
    assert run.data.metrics == dict(scenario.make_point(2).metrics)


def test_kinds_are_kept_apart(tracker, scenario, runs_of) -> None:
    kinds = ["trial", "final", "reference"]
    tracker.sync(
        [(k, scenario.make_trial(n), scenario.make_result(scenario.make_trial(n))) for n, k in enumerate(kinds)], True
    )
    assert [len(runs_of(kind)) for kind in kinds] == [1, 1, 1]


def test_saying_it_again_changes_nothing(make_tracker, scenario, check_complete, runs_of) -> None:
    trials = [scenario.make_trial(n) for n in range(2)]
    ends: list[dict[str, int]] = []
    for _ in range(2):
        tracker = make_tracker()
        play(tracker, scenario, trials)
        tracker.sync(entries(scenario, trials), complete=True)
        tracker.finish_search({"test_accuracy": 0.98}, {"nasflow.winner": "x"})
        ends.append({run.info.run_id: run.info.end_time for run in runs_of()})
    check_complete(trials)
    assert ends[0] == ends[1]


def test_sync_writes_what_a_killed_process_left_out(make_tracker, scenario, check_complete) -> None:
    trials = [scenario.make_trial(n) for n in range(3)]
    first = make_tracker()
    play(first, scenario, trials[:1])
    first.started(trials[1], "trial")
    first.epoch(trials[1], "trial", scenario.make_point(1))
    assert first.flush(60)
    make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)


def test_sync_goes_before_what_the_thread_still_has_to_write(make_tracker, scenario, check_complete) -> None:
    trials = [scenario.make_trial(n) for n in range(4)]
    tracker = make_tracker()
    for trial in trials:
        tracker.started(trial, "trial")
        tracker.epoch(trial, "trial", scenario.make_point(1))
    tracker.sync(entries(scenario, trials), complete=True)
    assert tracker.flush(60)
    check_complete(trials)


def test_sync_remembers_what_was_reused(tracker, scenario, runs_of) -> None:
    trials = [scenario.make_trial(n) for n in range(3)]
    tracker.finished(trials[0], "trial", scenario.make_result(trials[0]), reused=True)
    tracker.sync(entries(scenario, trials), complete=True, reused={trials[1].id})
    reused = {run.data.tags["nasflow.trial_id"]: run.data.tags["nasflow.reused"] for run in runs_of("trial")}
    assert reused == {trials[0].id: "true", trials[1].id: "true", trials[2].id: "false"}


def test_complete_ends_what_nobody_will_finish(make_tracker, scenario, runs_of) -> None:
    dropped, kept = scenario.make_trial(1), scenario.make_trial(2)
    tracker = make_tracker()
    tracker.started(dropped, "trial")
    assert tracker.flush(60)
    tracker.sync(entries(scenario, [kept]), complete=False)
    assert {run.info.status for run in runs_of("trial")} == {"RUNNING", "FINISHED"}
    tracker.sync(entries(scenario, [kept]), complete=True)
    assert {run.info.status for run in runs_of("trial")} == {"KILLED", "FINISHED"}
    # A larger budget takes it up again.
    make_tracker().sync(entries(scenario, [dropped, kept]), complete=True)
    assert [run.info.status for run in runs_of("trial")] == ["FINISHED"] * 2


def test_parent_is_completed_once_and_goes_on_when_the_search_does(
    make_tracker, scenario, runs_of, mlflow_client
) -> None:
    tracker = make_tracker()
    tracker.sync(entries(scenario, [scenario.make_trial(1)]), complete=True)
    for _ in range(2):
        tracker.finish_search({"test_accuracy": 0.98}, {"nasflow.winner": "abc"})
    (parent,) = runs_of("search")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["nasflow.winner"] == "abc"
    assert len(mlflow_client.get_metric_history(parent.info.run_id, "test_accuracy")) == 1
    more = make_tracker()
    more.started(scenario.make_trial(2), "trial")
    assert more.flush(60)
    assert runs_of("search")[0].info.status == "RUNNING"
    more.finish_search({"test_accuracy": 0.99}, {}, "FAILED")
    (parent,) = runs_of("search")
    assert (parent.info.status, parent.data.metrics["test_accuracy"]) == ("FAILED", 0.99)


def test_artifacts_lie_beside_the_database(tracker, tmp_path: Path, mlflow_client) -> None:
    (tmp_path / "report.html").write_text("<html>")
    tracker.log_artifact(tmp_path / "report.html")
    (found,) = mlflow_client.list_artifacts(tracker.parent_run_id())
    assert found.path == "report.html"
    assert [p.name for p in (tmp_path / "mlartifacts").rglob("*.html")] == ["report.html"]


def test_another_mlflow_gets_everything_and_the_first_keeps_its_own(
    make_tracker, scenario, template: Path, tmp_path: Path, check_complete
) -> None:
    from mlflow import MlflowClient

    trials = [scenario.make_trial(n) for n in range(2)]
    make_tracker().sync(entries(scenario, trials), complete=True)
    other = TrackingTarget(f"sqlite:///{tmp_path}/other/mlflow.db", "digits")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mlflow.db").write_bytes(template.read_bytes())
    for _ in range(2):
        make_tracker(target=other).sync(entries(scenario, trials), complete=True)
        make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)
    client = MlflowClient(other.uri)
    assert len(client.search_runs([client.get_experiment_by_name("digits").experiment_id])) == 3


@pytest.mark.parametrize("lost", ["a child", "the parent", "everything"])
def test_what_vanished_from_mlflow_is_made_again(make_tracker, scenario, runs_of, check_complete, lost: str) -> None:
    from mlflow import MlflowClient

    trials = [scenario.make_trial(n) for n in range(2)]
    make_tracker().sync(entries(scenario, trials), complete=True)
    for run in {"a child": runs_of("trial")[:1], "the parent": runs_of("search"), "everything": runs_of()}[lost]:
        MlflowClient(make_tracker().target.uri).delete_run(run.info.run_id)
    make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)


def test_lost_claims_find_their_runs_again(make_tracker, scenario, store, check_complete, runs_of) -> None:
    trials = [scenario.make_trial(n) for n in range(2)]
    make_tracker().sync(entries(scenario, trials), complete=True)
    before = {run.info.run_id for run in runs_of()}
    damaged, deleted = [key for key in store.keys("searches/cafe/runs/") if "/search." not in key]
    store.put(damaged, b"{")
    store.delete(deleted)
    make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)
    assert {run.info.run_id for run in runs_of()} == before


def test_a_trial_trained_anew_replaces_its_run(make_tracker, scenario, check_complete) -> None:
    """Its result was lost with the store's file: the points of the first training must not stay among the new ones."""
    trials = [scenario.make_trial(n) for n in range(3)]
    earlier = 1_600_000_000.0
    first = make_tracker()
    first.sync([("trial", trials[0], scenario.make_result(trials[0], earlier))], complete=False)
    for epoch in (1, 2):
        first.epoch(trials[1], "trial", scenario.make_point(epoch, earlier))
        first.epoch(trials[2], "trial", scenario.make_point(epoch))
    assert first.flush(60)
    first.epoch(trials[2], "trial", scenario.make_point(3, earlier))  # within one process, too
    assert first.flush(60)
    play(first, scenario, trials[2:])
    assert first.flush(60)
    make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)


def test_two_stores_at_one_mlflow_do_not_touch_each_other(make_tracker, scenario, tmp_path: Path, runs_of) -> None:
    from nasflow.storage.file import FileStore

    trials = [scenario.make_trial(n) for n in range(2)]
    for store in (FileStore(tmp_path / "a"), FileStore(tmp_path / "b")):
        make_tracker(store=store).sync(entries(scenario, trials), complete=True)
    assert (len(runs_of("search")), len(runs_of("trial"))) == (2, 4)


def test_a_dead_server_does_not_hold_the_search_up(make_tracker, scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker = make_tracker(target=TrackingTarget("http://user:secret@127.0.0.1:1", "digits"))
    trials = [scenario.make_trial(n) for n in range(2)]
    play(tracker, scenario, trials)
    assert not tracker.flush(0.2)
    with pytest.raises(TrackingError, match=r"MLflow at 'http://\*\*\*@127.0.0.1:1' cannot be reached") as raised:
        tracker.sync(entries(scenario, trials), complete=True)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not tracker.close(0.1)


def test_runs_are_written_when_mlflow_is_back(make_tracker, scenario, target, tmp_path: Path, check_complete) -> None:
    database = tmp_path / "mlflow.db"
    database.rename(tmp_path / "away.db")
    database.mkdir()  # no database can be opened or made there
    trials = [scenario.make_trial(n) for n in range(2)]
    tracker = make_tracker()
    play(tracker, scenario, trials)
    assert not tracker.flush(0.5)
    with pytest.raises(TrackingError, match="cannot be used"):
        tracker.parent_run_id()
    database.rmdir()
    (tmp_path / "away.db").rename(database)
    assert tracker.flush(60)
    check_complete(trials)


def test_an_environment_with_a_run_of_its_own_does_not_disturb(
    make_tracker, scenario, check_complete, monkeypatch: pytest.MonkeyPatch, mlflow_client
) -> None:
    foreign = mlflow_client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", foreign)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    trials = [scenario.make_trial(1)]
    make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)
    assert mlflow_client.get_run(foreign).data.metrics == {}


def test_nothing_said_opens_and_imports_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from nasflow.tracking import Tracker, TrackingTarget; from nasflow.storage import open_store;"
        "t = Tracker(TrackingTarget(f'sqlite:///{sys.argv[1]}/m.db', 'x'), open_store(sys.argv[1]), 's', 'n', {});"
        "print(t.flush(1), t.close(1), {'mlflow', 'torch', 'pandas', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True set()"
    assert list(tmp_path.iterdir()) == []


SEARCH = """
import time
from pathlib import Path
from nasflow.storage import open_store
from nasflow.tracking import Tracker, TrackingTarget, writer
writer.GATHER_SECONDS = 0.005
tracker = Tracker(TrackingTarget(uri, "digits"), open_store(root), "cafe", "digits", {"strategy": "random"})
Path(ready).touch()
for number in range(first, last):
    trial = make_trial(number)
    tracker.started(trial, "trial")
    for epoch in range(1, 5):
        time.sleep(0.01)
        tracker.epoch(trial, "trial", make_point(epoch))
    tracker.finished(trial, "trial", make_result(trial), False)
tracker.close(60)
"""


def test_killed_at_any_moment_and_run_again_each_run_is_there_once(
    spawn, make_tracker, scenario, tmp_path: Path, check_complete
) -> None:
    moments = random.Random(3)
    for kill in range(10):
        ready = tmp_path / f"ready{kill}"
        process = spawn(SEARCH, uri=make_tracker().target.uri, root=str(tmp_path), ready=str(ready), first=0, last=8)
        while not ready.exists():
            time.sleep(0.005)
        time.sleep(moments.random() * 0.5)
        process.kill()
        process.join()
    trials = [scenario.make_trial(n) for n in range(8)]
    make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)


def test_shards_at_the_same_time_share_one_parent(
    spawn, make_tracker, scenario, tmp_path: Path, check_complete
) -> None:
    shards = [
        spawn(
            SEARCH,
            uri=make_tracker().target.uri,
            root=str(tmp_path),
            ready=str(tmp_path / "ready"),
            first=first,
            last=first + 3,
        )
        for first in (0, 2, 4)  # they overlap: two shards that say the same make one run
    ]
    for shard in shards:
        shard.join()
    trials = [scenario.make_trial(n) for n in range(7)]
    check_complete(trials)
    make_tracker().sync(entries(scenario, trials), complete=True)
    check_complete(trials)


@pytest.fixture
def server(tmp_path: Path):
    """Start and stop an MLflow server on one port, with one database."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> str:
        options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        places = ["--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--artifacts-destination", str(tmp_path)]
        command = [sys.executable, "-m", "mlflow", "server", *options, *places]
        with (tmp_path / "server.log").open("ab") as log:
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        uri = f"http://127.0.0.1:{port}"
        while True:
            try:
                reach(TrackingTarget(uri, "digits"))
            except TrackingError:
                assert processes[-1].poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.2)
            else:
                return uri

    def stop() -> None:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    yield SimpleNamespace(start=start, stop=stop)
    stop()


@pytest.mark.slow
def test_a_real_server_that_goes_away_for_a_while(server, make_tracker, scenario, check_complete) -> None:
    tracker = make_tracker(target=TrackingTarget(server.start(), "digits"))
    trials = [scenario.make_trial(n) for n in range(4)]
    play(tracker, scenario, trials[:2])
    tracker.started(trials[2], "trial")
    tracker.epoch(trials[2], "trial", scenario.make_point(1))
    assert tracker.flush(60)
    server.stop()
    play(tracker, scenario, trials[2:])
    assert not tracker.flush(1)
    server.start()
    assert tracker.flush(60)
    make_tracker(target=tracker.target).sync(entries(scenario, trials), complete=True)
    check_complete(trials)
