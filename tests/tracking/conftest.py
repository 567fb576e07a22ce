"""MLflow databases that cost nothing to make, and trials to track in them."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nasflow.storage.file import FileStore
from nasflow.tracking import Tracker, TrackingTarget
from nasflow.trials import Trial

EPOCHS = 4

SCENARIO = """
from nasflow.spaces import Architecture
from nasflow.trials import EpochPoint, Fidelity, Status, Trial, TrialResult

def make_trial(number):
    choices = {"stage1.width": 16 * number, "act": "relu", "se": False}
    architecture = Architecture("cnn", choices, {"n": number})
    return Trial(architecture, Fidelity(4, 4), number, "context", None, ("p1", "p2"), "mutation")

def make_point(epoch, start=1_700_000_000.0):
    metrics = {"train_loss": 1.0 / epoch, "val_accuracy": 1 - 0.1 / epoch}
    return EpochPoint(epoch, metrics, start + epoch, start + epoch + 0.5)

def make_result(trial, start=1_700_000_000.0, **changes):
    fields = dict(
        status=Status.COMPLETED,
        metrics={"val_accuracy": 1 - 0.1 / 4, "parameters": 1234.0, "train_seconds": 4.5},
        curve=tuple(make_point(epoch, start) for epoch in range(1, 5)),
        started_at=start,
        finished_at=start + 6,
        device="cpu-AVX2",
    )
    return TrialResult(trial.id, **(fields | changes))
"""


@pytest.fixture(scope="session")
def scenario() -> SimpleNamespace:
    """`make_trial`, `make_point`, `make_result`: the same in this process and in those it starts."""
    space: dict[str, Any] = {}
    exec(SCENARIO, space)
    return SimpleNamespace(**space)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database."""
    from nasflow.tracking.client import open_client

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    open_client(TrackingTarget(f"sqlite:///{path}", "template"))
    return path


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


@pytest.fixture
def target(tmp_path: Path, template: Path) -> TrackingTarget:
    """An MLflow in the store's folder."""
    shutil.copy(template, tmp_path / "mlflow.db")
    return TrackingTarget(f"sqlite:///{tmp_path}/mlflow.db", "digits")


@pytest.fixture
def make_tracker(store: FileStore, target: TrackingTarget) -> Iterator[Callable[..., Tracker]]:
    trackers: list[Tracker] = []

    def make(**changes: Any) -> Tracker:
        fields = {"target": target, "store": store, "search_id": "cafe", "search_name": "digits"} | changes
        trackers.append(Tracker(**{"params": {"strategy": "random"}, **fields}))
        return trackers[-1]

    yield make
    for tracker in trackers:
        tracker.close(0)


@pytest.fixture
def tracker(make_tracker: Callable[..., Tracker]) -> Tracker:
    return make_tracker()


@pytest.fixture
def mlflow_client(target: TrackingTarget) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(target.uri)


@pytest.fixture
def runs_of(mlflow_client: Any) -> Callable[..., list[Any]]:
    """All active runs of the experiment, or those of some kinds."""

    def find(*kinds: str) -> list[Any]:
        experiment = mlflow_client.get_experiment_by_name("digits")
        found = mlflow_client.search_runs([experiment.experiment_id]) if experiment else []
        return [run for run in found if not kinds or run.data.tags["nasflow.kind"] in kinds]

    return find


@pytest.fixture
def check_complete(
    mlflow_client: Any, runs_of: Callable[..., list[Any]], scenario: SimpleNamespace
) -> Callable[..., None]:
    """Check that MLflow holds one parent and exactly these trials, each with every point once."""

    def check(trials: list[Trial]) -> None:
        (parent,) = runs_of("search")
        children = runs_of("trial")
        assert len(runs_of()) == 1 + len(children)
        assert sorted(run.data.tags["nasflow.trial_id"] for run in children) == sorted(t.id for t in trials)
        for run in children:
            assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
            assert run.info.status == "FINISHED"
            assert run.data.params["arch.act"] == "relu"
            for name in ("train_loss", "val_accuracy"):
                history = mlflow_client.get_metric_history(run.info.run_id, name)
                seen = sorted((metric.step, metric.timestamp, metric.value) for metric in history)
                points = [scenario.make_point(epoch) for epoch in range(1, EPOCHS + 1)]
                assert seen == [(p.epoch, round(p.finished_at * 1000), p.metrics[name]) for p in points]
            assert len(mlflow_client.get_metric_history(run.info.run_id, "parameters")) == 1

    return check


@pytest.fixture(scope="session")
def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow", "mlflow.store.tracking.sqlalchemy_store", "nasflow.tracking"])
    return context


@pytest.fixture
def spawn(_server: Any) -> Iterator[Callable[..., BaseProcess]]:
    """Run a text of Python after the scenario, with variables, in another process, which has mlflow loaded."""
    processes: list[BaseProcess] = []

    def start(code: str, **variables: Any) -> BaseProcess:
        process = _server.Process(target=exec, args=(SCENARIO + code, variables), daemon=True)
        process.start()
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()
