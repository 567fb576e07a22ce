"""Following a run to its end, and what is made of its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import ClusterError
from nasflow.pipelines.cluster.connection import Connection
from nasflow.pipelines.cluster.following import Failure, failure, finished, follow, own_words
from nasflow.pipelines.cluster.runs import Run, Runs, read
from nasflow.pipelines.cluster.uploading import Version, uploaded
from nasflow.testing.kubeflow import Fault, KubeflowServer, Task

SAID = "Traceback (most recent call last):\n  File x\nnasflow: the store cannot be written: the disk is full.\n"


@pytest.fixture
def version(connection: Connection, spec: Path) -> Version:
    return uploaded(connection, spec)


@pytest.fixture
def run(connection: Connection, version: Version) -> Run:
    return Runs(connection, "pets").started(version)


def scripted(server: KubeflowServer, *ends: tuple[str, list[Task]]) -> None:
    """Let each run be seen pending, running, then at its end."""
    left = list(ends)
    looks: dict[str, int] = {}

    def on_read(run_id: str) -> None:
        looks[run_id] = looks.get(run_id, 0) + 1
        document = server.state.kept["runs"][run_id]
        if looks[run_id] == 2:
            document["state"] = "RUNNING"
        elif looks[run_id] == 3:
            document["state"], server.state.tasks[run_id] = left.pop(0)

    server.state.on_run_read = on_read


def ended(
    server: KubeflowServer, connection: Connection, run: Run, state: str, *tasks: Task, error: str = ""
) -> Failure:
    server.state.kept["runs"][run.id]["state"] = state
    if error:
        server.state.kept["runs"][run.id]["error"] = {"code": 2, "message": error}
    server.state.tasks[run.id] = list(tasks)
    found = failure(connection, read(connection, run.id))
    assert found is not None
    assert "\n" not in found.sentence
    return found


def test_it_is_followed_to_its_end(server: KubeflowServer, connection: Connection, run: Run) -> None:
    scripted(server, ("SUCCEEDED", [Task("propose")]))
    assert [each.state for each in follow(connection, run.id, poll=0.0)] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert failure(connection, read(connection, run.id)) is None


@pytest.mark.parametrize("kind", ["time-out", "half-closed", 500, 429])
def test_faults_on_the_way_are_waited_out(server: KubeflowServer, connection: Connection, run: Run, kind: Any) -> None:
    scripted(server, ("SUCCEEDED", []))
    server.faults.append(Fault(kind, r"/runs/[^/]+$", "GET", times=2))
    assert list(follow(connection, run.id, poll=0.0))[-1].over


def test_a_server_that_is_gone_says_that_the_run_goes_on(
    server: KubeflowServer, connection: Connection, run: Run
) -> None:
    server.faults.append(Fault(403, r"/runs/[^/]+$", "GET", times=-1))
    with pytest.raises(ClusterError, match=r"\. The run goes on meanwhile; the same command again follows it\."):
        next(follow(connection, run.id))


def test_a_step_that_gave_up_is_told_in_its_own_words(server: KubeflowServer, connection: Connection, run: Run) -> None:
    found = ended(server, connection, run, "FAILED", Task("root", "FAILED"), Task("propose-2", "FAILED", "p", log=SAID))
    assert found == Failure("step propose-2 failed: the store cannot be written: the disk is full.", False, "propose-2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SAID, "the store cannot be written: the disk is full."),
        ("x\nTraceback\nValueError: no\nI0101 launcher: exit status 1\n", "ValueError: no"),
        ("kfp.errors.SomeError\n", "kfp.errors.SomeError"),
        ("all is well\n", ""),
        ("", ""),
    ],
)
def test_the_words_of_a_log(text: str, said: str) -> None:
    assert own_words(text) == said


@pytest.mark.parametrize(
    "error",
    ["pod deleted", "The node was low on resource: memory", "Error (exit code 137)", "Preempted by x", "OOMKilled"],
)
def test_a_lost_pod_is_told_from_what_the_server_says(
    server: KubeflowServer, connection: Connection, run: Run, error: str
) -> None:
    found = ended(server, connection, run, "FAILED", Task("train-candidates", "FAILED", "p", error, "trial 1 done"))
    assert found.lost
    assert f"the pod of step train-candidates was lost ({error})" in found.sentence
    assert "trains only what is missing" in found.sentence


def test_a_step_that_says_nothing_is_taken_for_lost(server: KubeflowServer, connection: Connection, run: Run) -> None:
    for log in (None, "trial 1 done\n"):
        assert ended(server, connection, run, "FAILED", Task("train-candidates", "FAILED", "p", log=log)).lost


def test_what_starting_again_would_not_help_is_no_lost_pod(
    server: KubeflowServer, connection: Connection, run: Run
) -> None:
    task = Task("train-final", "FAILED", "p", "ErrImagePull: no such image")
    assert ended(server, connection, run, "FAILED", task) == Failure(
        "step train-final failed: ErrImagePull: no such image.", False, "train-final"
    )
    assert not ended(server, connection, run, "FAILED", error="quota exceeded").lost
    assert ended(server, connection, run, "FAILED", error="pod deleted").lost
    assert not ended(server, connection, run, "CANCELED").lost


def followed(connection: Connection, version: Version, restarts: int) -> tuple[Failure | None, list[str]]:
    runs = Runs(connection, "pets")
    told: list[str] = []
    why = finished(
        connection,
        runs.started(version),
        lambda: runs.started(version),
        lambda run: None,
        lambda run, why: told.append(why.sentence),
        max_restarts=restarts,
        poll=0.0,
    )
    return why, told


LOST = ("FAILED", [Task("train-candidates", "FAILED", "p", "pod deleted")])


def test_lost_pods_are_started_again_as_often_as_told(
    server: KubeflowServer, connection: Connection, version: Version
) -> None:
    scripted(server, LOST, LOST, ("SUCCEEDED", []))
    why, told = followed(connection, version, 2)
    assert why is None
    assert len(told) == 2
    assert len(server.kept("runs")) == 3
    assert len(server.kept("pipeline_versions")) == 1


def test_no_more_often(server: KubeflowServer, connection: Connection, version: Version) -> None:
    scripted(server, LOST, LOST)
    why, told = followed(connection, version, 1)
    assert why is not None
    assert why.lost
    assert len(told) == 1


def test_what_failed_by_itself_is_not_started_again(
    server: KubeflowServer, connection: Connection, version: Version
) -> None:
    scripted(server, ("FAILED", [Task("propose", "FAILED", "p", log=SAID)]))
    why, told = followed(connection, version, 5)
    assert why is not None
    assert (why.lost, told) == (False, [])
    assert len(server.kept("runs")) == 1
