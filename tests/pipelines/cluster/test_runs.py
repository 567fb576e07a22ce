"""Runs: started once, found again, ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import ClusterError, UserError
from nasflow.pipelines.cluster.connection import Access, Connection
from nasflow.pipelines.cluster.runs import Runs, address, end, read
from nasflow.pipelines.cluster.uploading import Version, uploaded
from nasflow.testing.kubeflow import Fault, KubeflowServer, Task


@pytest.fixture
def version(connection: Connection, spec: Path) -> Version:
    return uploaded(connection, spec)


def test_a_run_is_of_the_version_in_the_searchs_experiment(
    server: KubeflowServer, connection: Connection, version: Version
) -> None:
    run = Runs(connection, "pets").started(version, {"deadline": 5.0}, "nasflow-pipeline")
    (kept,) = server.kept("runs")
    (experiment,) = server.kept("experiments")
    assert kept["run_id"] == run.id
    assert kept["experiment_id"] == experiment["experiment_id"]
    assert experiment["display_name"] == "pets"
    assert kept["pipeline_version_reference"]["pipeline_version_id"] == version.version_id == run.version_id
    assert kept["runtime_config"] == {"parameters": {"deadline": 5.0}}
    assert kept["service_account"] == "nasflow-pipeline"
    assert kept["display_name"].startswith("pets 20")


@pytest.mark.parametrize("kind", ["lost", "time-out", "half-closed", 500, 502, 429])
def test_whatever_happens_to_the_answer_one_run_is_started(
    server: KubeflowServer, connection: Connection, version: Version, kind: Any
) -> None:
    server.faults.append(Fault(kind, r"/runs$", "POST", times=2))
    run = Runs(connection, "pets").started(version)
    assert [each["run_id"] for each in server.kept("runs")] == [run.id]


def test_two_starts_are_two_runs(server: KubeflowServer, connection: Connection, version: Version) -> None:
    runs = Runs(connection, "pets")
    assert runs.started(version).name != runs.started(version).name
    assert len(server.kept("runs")) == 2


def test_a_run_that_is_not_allowed_says_so(server: KubeflowServer, connection: Connection, version: Version) -> None:
    server.faults.append(Fault(403, r"/runs$", "POST", times=-1))
    with pytest.raises(ClusterError, match="does not allow you to start the run"):
        Runs(connection, "pets").started(version)


def test_the_active_run_of_a_version_is_found_again(
    server: KubeflowServer, connect: Callable[[], Connection], version: Version
) -> None:
    runs = Runs(connect(), "pets")
    assert runs.active() is None
    first, second = runs.started(version), runs.started(version)
    assert runs.active(version) == second
    server.state.kept["runs"][second.id]["state"] = "FAILED"
    assert runs.active(version) == first
    other = Version("nasflow-pets", "x", version.pipeline_id, "another")
    assert runs.active(other) is None
    assert runs.active() == first


def test_runs_of_other_searches_are_not_seen(connection: Connection, version: Version) -> None:
    Runs(connection, "pets").started(version)
    assert list(Runs(connection, "cars").all()) == []
    with pytest.raises(UserError, match=r"search 'cars' has no run at .*; start one with 'nasflow submit'"):
        Runs(connection, "cars").latest()


def test_a_run_is_found_by_the_beginning_of_its_id(connection: Connection, version: Version) -> None:
    runs = Runs(connection, "pets")
    first, last = runs.started(version), runs.started(version)
    assert runs.latest().id == last.id
    assert runs.latest(first.id[:8]).id == first.id
    with pytest.raises(UserError, match="has no run 'abcd-nowhere'"):
        runs.latest("abcd-nowhere")


def test_steps_tell_their_states_pods_and_errors(
    server: KubeflowServer, connection: Connection, version: Version
) -> None:
    run = Runs(connection, "pets").started(version)
    server.state.tasks[run.id] = [
        Task("propose", pod="pod-1"),
        Task("train-candidates", "FAILED", "pod-2", "evicted\nnow"),
    ]
    steps = read(connection, run.id).steps
    assert [(s.name, s.state, s.pods, s.error) for s in steps] == [
        ("propose", "SUCCEEDED", ("pod-1",), ""),
        ("train-candidates", "FAILED", ("pod-2",), "evicted now"),
    ]


def test_cancelling_ends_what_runs_and_is_safe_to_repeat(
    server: KubeflowServer, connection: Connection, version: Version
) -> None:
    runs = Runs(connection, "pets")
    first, second = runs.started(version), runs.started(version)
    server.state.kept["runs"][first.id]["state"] = "SUCCEEDED"
    server.faults.append(Fault("lost", "terminate"))
    assert [run.id for run in runs.cancel()] == [second.id]
    assert [each["state"] for each in server.kept("runs")] == ["SUCCEEDED", "CANCELED"]
    assert runs.cancel() == []
    end(connection, second)


def test_the_address_is_that_of_the_page_without_a_password(
    server: KubeflowServer, connection: Connection, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Runs(connection, "pets").started(version)
    assert address(connection, run) == f"{server.url}/#/runs/details/{run.id}"
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://me:secret@kubeflow.example.org/pipeline")
    page = address(Connection(Access(host=server.url)), run)
    assert page == f"https://kubeflow.example.org/pipeline/#/runs/details/{run.id}"


def test_many_users_run_in_their_namespaces(spec: Path) -> None:
    with KubeflowServer(multi_user=True) as server:
        connection = Connection(Access(host=server.url, namespace="alice", patience=1.0))
        runs = Runs(connection, "pets")
        run = runs.started(uploaded(connection, spec))
        assert [each["namespace"] for each in server.kept("experiments")] == ["alice"]
        assert runs.active() == run
