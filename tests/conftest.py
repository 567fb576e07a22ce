"""Small whole searches, run in this process or by the command, and what they leave behind."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from filelock import FileLock

from nasflow import logs
from nasflow.config import SearchConfig
from nasflow.config.loading import load_config
from nasflow.engine.kept import find_search
from nasflow.engine.records import SearchRecords
from nasflow.storage import Store, open_store
from nasflow.testing.servers import MinioServer
from nasflow.trials import History, TrialResult

SMALL: dict[str, Any] = {
    "name": "small",
    "data": "sklearn:digits",
    "space": {"family": "mlp", "options": {"max_depth": 2, "widths": [16, 32, 64]}},
    "strategy": {"name": "evolution", "options": {"population_size": 3}},
    "fidelity": {"epochs": 1, "data_fraction": 0.5},
    "training": {"learning_rate": 0.1},
    "budget": {"trials": 5},
    "parallelism": {"round_size": 3, "workers": 2},
    "final": {"candidates": 2, "epochs": 1},
}
"""A search of seconds: five perceptrons on digits, in two rounds that are not filled by the budget."""


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with changes, which go into the mappings of the base; None takes a part away."""
    found = dict(base)
    for name, value in changes.items():
        known = found.get(name)
        found[name] = merged(known, value) if isinstance(value, dict) and isinstance(known, dict) else value
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """Let no test's log lines be about what another test has opened."""
    with logs.about():
        yield


@dataclass
class Site:
    """A folder with a search's YAML and its store.

    Attributes:
        root: The folder.
        blank: An MLflow database to begin with.
    """

    root: Path
    blank: Path

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)

    @property
    def store_folder(self) -> Path:
        return self.root / "nasflow-store"

    @property
    def store(self) -> Store:
        return open_store(str(self.store_folder))

    @property
    def database(self) -> Path:
        return self.store_folder / "mlflow.db"

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.database}"

    def mapping(self, **changes: Any) -> dict[str, Any]:
        return merged(SMALL | {"storage": {"url": str(self.store_folder)}}, changes)

    def yaml(self, **changes: Any) -> Path:
        path = self.root / "search.yaml"
        path.write_text(yaml.safe_dump(self.mapping(**changes), sort_keys=False))
        return path

    def config(self, **changes: Any) -> SearchConfig:
        return load_config(self.yaml(**changes))

    def ready(self) -> None:
        """Spare the first search the making of an MLflow database."""
        if not self.database.exists():
            self.store_folder.mkdir(exist_ok=True)
            shutil.copyfile(self.blank, self.database)

    def search(self, *, deliver: bool = False, **changes: Any) -> Any:
        """Run a search in this process."""
        import nasflow

        self.ready()
        return nasflow.search(self.yaml(**changes), deliver_model=deliver)

    def popen(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start the command in a session, and so in a process group, of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "nasflow.cli.main", *map(str, arguments)],
            cwd=self.root,
            env=os.environ | environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def command(self, *arguments: str | Path, **environment: str) -> tuple[int, str]:
        """Run the command; return its exit status and all its output."""
        process = self.popen(*arguments, **environment)
        output, _ = process.communicate(timeout=250)
        return process.returncode, output

    def run(self, **changes: Any) -> tuple[int, str]:
        """Run a search by the command."""
        self.ready()
        return self.command("run", self.yaml(**changes))

    def records(self, name: str = "small") -> SearchRecords:
        return find_search(self.store, name).records

    def history(self, name: str = "small") -> History:
        return self.records(name).history()

    def results(self) -> dict[str, bytes]:
        """Return every result in the store as it is written."""
        return {key: self.store.get(key) or b"" for key in self.store.keys("results/")}

    def runs(self, name: str = "small", uri: str | None = None) -> list[Any]:
        """Return the MLflow runs of an experiment."""
        from mlflow import MlflowClient

        client = MlflowClient(uri or self.uri)
        experiment = client.get_experiment_by_name(name)
        return list(client.search_runs([experiment.experiment_id])) if experiment else []

    def kinds(self, name: str = "small", uri: str | None = None) -> Counter[str]:
        return Counter(run.data.tags["nasflow.kind"] for run in self.runs(name, uri))

    def points_twice(self, name: str = "small") -> list[str]:
        """Return which points of curves are in MLflow more than once."""
        from mlflow import MlflowClient

        client = MlflowClient(self.uri)
        twice = []
        for run in self.runs(name):
            for metric in run.data.metrics:
                steps = Counter(point.step for point in client.get_metric_history(run.info.run_id, metric))
                twice += [f"{run.info.run_id} {metric} {step}" for step, count in steps.items() if count > 1]
        return twice

    def accounted(self, trials: int, name: str = "small") -> None:
        """Check that MLflow has one parent and every trial exactly once, complete."""
        kinds = self.kinds(name)
        assert kinds["search"] == 1
        assert kinds["trial"] == trials
        assert not kinds["pending"]
        assert not {run.info.status for run in self.runs(name)} & {"RUNNING", "SCHEDULED"}
        ids = [run.data.tags["nasflow.trial_id"] for run in self.runs(name) if run.data.tags["nasflow.kind"] == "trial"]
        assert sorted(ids) == sorted(entry.trial.id for entry in self.history(name))
        assert self.points_twice(name) == []


def group_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the living processes of the group that a process leads or led."""
    found = []
    for other in psutil.process_iter():
        try:
            if os.getpgid(other.pid) == process.pid and other.status() != psutil.STATUS_ZOMBIE:
                found.append(other)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def await_empty(process: subprocess.Popen[str], seconds: float = 20.0) -> list[psutil.Process]:
    """Wait until a process group is empty; return what lives when the time is over."""
    deadline = time.monotonic() + seconds
    while (left := group_of(process)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process and all of its group at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def unchanged(before: dict[str, bytes], after: dict[str, bytes]) -> bool:
    """Whether every result that was there before is there as it was: none was trained again."""
    return all(after.get(key) == content for key, content in before.items())


def dated(results: dict[str, bytes]) -> dict[str, TrialResult]:
    """Return results by key."""
    from nasflow.storage.documents import unpack

    return {key: TrialResult.from_json(unpack(key, content)) for key, content in results.items()}


@pytest.fixture(scope="session", autouse=True)
def _own_mlflow() -> Iterator[None]:
    """Let no MLflow of the machine be found."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)
        patch.setenv("NASFLOW_MLFLOW_PATIENCE", "0")  # tests that are about patience ask for it
        yield
        assert "MLFLOW_TRACKING_URI" not in os.environ, "a test has left its MLflow behind"


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without any run."""
    from nasflow.tracking.client import open_client
    from nasflow.tracking.target import TrackingTarget

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    open_client(TrackingTarget(f"sqlite:///{path}", "none"))
    return path


@pytest.fixture
def site(tmp_path: Path, blank_database: Path) -> Site:
    """An empty site."""
    return Site(tmp_path, blank_database)


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Callable[[str], Site]:
    """Make empty sites that last for the session."""
    return lambda name: Site(tmp_path_factory.mktemp(name), blank_database)


@dataclass
class Delivered:
    """A site with a search that ran to its end, and what the call returned."""

    site: Site
    outcome: Any


@pytest.fixture(scope="session")
def in_process(make_site: Callable[[str], Site]) -> Delivered:
    """The small search run to its end in this process, one shard a round and two workers. Nobody may change it."""
    site = make_site("in-process")
    return Delivered(site, site.search(deliver=True))


@pytest.fixture(scope="session")
def by_pipeline(tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Delivered:
    """The small search run to its end by the command, two shards and one worker. Nobody may change it.

    It takes half a minute, so that processes which share the tests share it: the first makes it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "by-pipeline"
    said = folder.with_suffix(".txt")
    with FileLock(folder.with_suffix(".lock")):
        site = Site(folder, blank_database)
        if not said.exists():
            code, output = site.run(parallelism={"shard_size": 2, "workers": 1})
            assert code == 0, output
            said.write_text(output)
    return Delivered(site, said.read_text())


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO server for the session; nobody may stop it."""
    server = MinioServer(tmp_path_factory.mktemp("minio") / "data")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def minio_client(minio: MinioServer, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The credentials of that server in the environment, and an empty cache, whose folder this is."""
    return _as_client(minio, monkeypatch, tmp_path_factory)


@pytest.fixture
def own_minio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MinioServer]:
    """A MinIO server of the test's own, with its credentials in the environment, and an empty cache."""
    server = MinioServer(tmp_path / "minio")
    _as_client(server, monkeypatch, tmp_path_factory)
    server.start()
    yield server
    server.kill()


def _as_client(server: MinioServer, monkeypatch: pytest.MonkeyPatch, factory: pytest.TempPathFactory) -> Path:
    cache = factory.mktemp("cache")
    for name, value in {**server.environment, "NASFLOW_CACHE": str(cache)}.items():
        monkeypatch.setenv(name, value)
    return cache


@pytest.fixture
def minio_url(minio: MinioServer) -> str:
    """The URL of a place in an empty bucket of that server."""
    return minio.url(f"bucket-{secrets.token_hex(8)}", "deep/place")


@pytest.fixture
def helpers() -> Any:
    """The functions of this module, which test modules cannot import."""
    return sys.modules[__name__]


@pytest.fixture
def delivered_site(tmp_path: Path, in_process: Delivered, blank_database: Path) -> Site:
    """A copy of the small search run to its end, to do with as a test likes; nothing in it knows where it was."""
    shutil.copytree(in_process.site.root, tmp_path / "copy", dirs_exist_ok=True)
    site = Site(tmp_path / "copy", blank_database)
    site.yaml()
    return site


def write_digits(path: Path, kind: str = "same") -> Path:
    """Write the digits into an npz file.

    Args:
        path: The file.
        kind: `same` as sklearn's; with `inverted` grey values; `mislabelled` in training alone, so that nothing good is
            learned from them; `fewer`; or with splits of their own (`split`).
    """
    import numpy as np
    from sklearn.datasets import load_digits

    from nasflow.data.splits import content_key, place

    data = load_digits()
    images, labels = np.rint(data.images * (255 / 16)).astype(np.uint8), data.target.astype(np.int64)
    if kind == "inverted":
        images = 255 - images
    if kind == "fewer":
        images, labels = images[:1700], labels[:1700]
    if kind == "mislabelled":
        places = np.array([place(content_key(image.tobytes()), ()) for image in images])
        labels = np.where(places == "train", (labels + np.arange(len(labels))) % 10, labels)
    if kind == "split":
        np.savez(path, x_train=images[:1500], y_train=labels[:1500], x_test=images[1500:], y_test=labels[1500:])
    else:
        np.savez(path, x=images, y=labels)
    return path


@dataclass
class Refreshed:
    """A refresh in this process, up to the registration.

    Attributes:
        site: Where.
        looked: Whether the data had changed.
        plan: The search, or None where they had not.
        records: Its part of the store.
        registration: What it registered.
    """

    site: Site
    looked: Any
    plan: Any = None
    records: Any = None
    registration: Any = None


def refresh(site: Site, **changes: Any) -> Refreshed:
    """Refresh the champion of a site in this process; what a refresh came to is still to be written down."""
    from nasflow.delivery.delivering import deliver
    from nasflow.delivery.final import train_final
    from nasflow.delivery.refresh.looking import look, refreshing
    from nasflow.engine.door import admit
    from nasflow.engine.preparing import prepared
    from nasflow.engine.search import run_rounds, select
    from nasflow.engine.trialling import open_tracker

    config = refreshing(site.config(**changes))
    looked = look(config, prepared(config.data, site.root, site.store), site.store)
    if not looked.changed:
        return Refreshed(site, looked)
    admitted = admit(config, site.root, refresh=looked.refresh)
    plan, records = admitted.plan, admitted.records
    records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
    with open_tracker(plan, records) as tracker:
        best = select(plan, run_rounds(plan, records, tracker))
        outcome = train_final(plan, records, [entry.trial.id for entry in best], tracker)
    return Refreshed(site, looked, plan, records, deliver(plan, records, outcome).registration)


@pytest.fixture(scope="session")
def champion_site(make_site: Callable[[str], Site], in_process: Delivered) -> Callable[[str, str], Site]:
    """Return a function that copies the small search run to its end, its data an npz file of a kind."""

    def copied(name: str, kind: str) -> Site:
        site = make_site(name)
        shutil.copytree(in_process.site.root, site.root, dirs_exist_ok=True)
        write_digits(site.root / "digits.npz", kind)
        return site

    return copied


@pytest.fixture(scope="session")
def promoted(champion_site: Callable[[str, str], Site]) -> Refreshed:
    """A refresh on inverted grey values, which the champion cannot read. Nobody may change it but by concluding it."""
    return refresh(champion_site("inverted", "inverted"), data="npz:digits.npz")


@pytest.fixture(scope="session")
def kept(champion_site: Callable[[str, str], Site]) -> Refreshed:
    """A refresh that only retrains, on wrong labels. Nobody may change it but by concluding it."""
    site = champion_site("mislabelled", "mislabelled")
    return refresh(site, data="npz:digits.npz", refresh={"mode": "retrain"})
