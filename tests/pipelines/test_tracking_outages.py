"""Whole searches whose MLflow server goes away while they run; the search never waits for it."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nasflow.testing.tracking import MlflowServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
KINDS = {"search": 1, "trial": 5, "final": 2, "reference": 1}


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("servers"))
    server.start()
    yield server
    server.remove()


@pytest.fixture
def server(running_server: MlflowServer) -> MlflowServer:
    if not running_server.answers():
        running_server.start()
    return running_server


def search(site: Any, server: MlflowServer, name: str, **changes: Any) -> Path:
    """Write a search of an experiment of its own."""
    tracking = {"uri": server.uri, "experiment": name}
    path: Path = site.yaml(tracking=tracking, registry={"name": name} | changes.pop("registry", {}), **changes)
    return path


def await_results(site: Any, count: int, process: Any) -> None:
    while len(list(site.store.keys("results/"))) < count and process.poll() is None:
        time.sleep(0.2)
    assert process.poll() is None


def accounted(site: Any, server: MlflowServer, name: str) -> None:
    """Check that every training is one run, with every point once, and nothing else is there."""
    from mlflow import MlflowClient

    client = MlflowClient(server.uri)
    runs = site.runs(name, server.uri)
    assert Counter(run.data.tags["nasflow.kind"] for run in runs) == KINDS
    trained = [run.data.tags["nasflow.trial_id"] for run in runs if "nasflow.trial_id" in run.data.tags]
    assert len(trained) == len(set(trained))
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        for metric in run.data.metrics:
            points = Counter((p.step, p.timestamp) for p in client.get_metric_history(run.info.run_id, metric))
            assert set(points.values()) == {1}


def test_an_outage_changes_nothing(site: Any, in_process: Any, server: MlflowServer) -> None:
    running = site.popen("run", search(site, server, "once"), NASFLOW_MLFLOW_PATIENCE="120")
    await_results(site, 1, running)
    server.kill()
    time.sleep(10)
    server.start()
    output, _ = running.communicate(timeout=400)
    assert running.returncode == 0, output
    assert site.history().timeless() == in_process.outcome.history.timeless()
    accounted(site, server, "once")


def test_gone_for_good_is_one_sentence_and_the_rest_is_done_when_it_is_back(
    site: Any, in_process: Any, server: MlflowServer
) -> None:
    path = search(site, server, "gone")
    running = site.popen("run", path, NASFLOW_MLFLOW_PATIENCE="2")
    await_results(site, 1, running)
    server.kill()
    output, _ = running.communicate(timeout=400)
    assert running.returncode == 1
    assert "Traceback" not in output
    assert re.search(
        r"nasflow: the search is over and what it found is kept, but its model is not registered, and \d of the 8 runs "
        rf"of the search may be missing: MLflow at '{server.uri}' cannot be reached \(.*\); start it",
        " ".join(output.split()),
    )
    assert site.history().timeless() == in_process.outcome.history.timeless()
    results = site.results()
    code, output = site.command("sync", path, NASFLOW_MLFLOW_PATIENCE="0")
    assert (code, output.count("\n")) == (1, 1)
    server.start()
    code, output = site.command("sync", path)
    assert code == 0, output
    assert re.search(r"lacked \d of 8 runs of search 'small'; now it has all", output)
    assert "Its model is not registered yet: the command that ran it does that" in output
    code, output = site.command("sync", path)
    assert "has all 8 runs of search 'small'; nothing was missing." in output
    code, output = site.command("run", path)
    assert code == 0, output
    assert site.results() == results
    accounted(site, server, "gone")


def test_where_nothing_is_registered_the_search_ends_without_it(site: Any, server: MlflowServer) -> None:
    path = search(site, server, "away", registry={"enabled": False})
    server.kill()
    began = time.monotonic()
    code, output = site.command("run", path, NASFLOW_MLFLOW_PATIENCE="1")
    assert code == 0, output
    assert "MLflow may lack 8 of the 8 runs of the search, which 'nasflow sync' writes: MLflow at" in output
    assert time.monotonic() - began < 300
    server.start()
    code, output = site.command("sync", path)
    assert "lacked 8 of 8 runs" in output
    accounted(site, server, "away")
    code, output = site.command("run", path)
    assert "MLflow may lack" not in output


def test_five_outages_of_half_a_minute(site: Any, in_process: Any, server: MlflowServer) -> None:
    moments = random.Random(5)
    running = site.popen("run", search(site, server, "five"), NASFLOW_MLFLOW_PATIENCE="600")
    for _ in range(5):
        time.sleep(moments.uniform(0, 6))
        if running.poll() is not None:
            break
        server.kill()
        time.sleep(30)
        server.start()
    output, _ = running.communicate(timeout=900)
    assert running.returncode == 0, output
    assert site.history().timeless() == in_process.outcome.history.timeless()
    accounted(site, server, "five")
