"""Logs of steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.errors import ClusterError, UserError
from nasflow.pipelines.cluster.connection import Connection
from nasflow.pipelines.cluster.logs import base_name, chosen, command, log, logs, round_number
from nasflow.pipelines.cluster.runs import Run, Runs, Step, read
from nasflow.pipelines.cluster.uploading import uploaded
from nasflow.testing.kubeflow import Fault, KubeflowServer, Task


@pytest.fixture
def run(server: KubeflowServer, connection: Connection, spec: Path) -> Run:
    started = Runs(connection, "pets").started(uploaded(connection, spec))
    server.state.tasks[started.id] = [
        Task("root"),
        Task("propose-driver", pod="driver", log="driven"),
        Task("propose", pod="pod-1", log="proposed 8"),
        Task("train-candidates", "RUNNING", "pod-2", log="trial 1 done\n"),
        Task("train-candidates", "RUNNING", "pod-3"),
        Task("propose-2", "PENDING"),
    ]
    return read(connection, started.id)


@pytest.mark.parametrize(
    ("task", "base", "number"),
    [
        ("propose", "propose", 1),
        ("train-candidates-12", "train-candidates", 12),
        ("train-candidates-2(1)", "train-candidates", 2),
        ("train-candidates-driver", "", 1),
        ("for-loop-3", "", 3),
        ("executor", "", 1),
    ],
)
def test_names_of_tasks_are_steps_and_rounds(task: str, base: str, number: int) -> None:
    assert (base_name(task), round_number(task)) == (base, number)


def names(steps: list[Step]) -> list[str]:
    return [step.name for step in steps]


def test_by_default_what_failed_else_what_runs_else_all(run: Run) -> None:
    assert names(chosen(run, None)) == ["train-candidates", "train-candidates"]
    failed = Run("r", "n", "FAILED", steps=(*run.steps, Step("select", "FAILED")))
    assert names(chosen(failed, None)) == ["select"]
    done = Run("r", "n", "SUCCEEDED", steps=(Step("propose", "SUCCEEDED"), Step("executor", "SUCCEEDED")))
    assert names(chosen(done, None)) == ["propose"]


def test_a_step_is_chosen_by_its_name(run: Run) -> None:
    assert names(chosen(run, "propose")) == ["propose", "propose-2"]
    assert names(chosen(run, "propose-2")) == ["propose-2"]
    assert names(chosen(run, "train_candidates")) == ["train-candidates"] * 2


def test_an_unknown_step_is_answered_with_the_known_ones(run: Run) -> None:
    with pytest.raises(UserError, match=r"no step 'propse'; it has propose, propose-2, train-candidates\..*propose"):
        chosen(run, "propse")
    with pytest.raises(UserError, match="no step has begun yet"):
        chosen(Run("r", "n", "PENDING"), "propose")


def test_the_logs_that_are_left_are_returned(connection: Connection, run: Run) -> None:
    found = logs(connection, run, chosen(run, "train-candidates"))
    assert [(each.pod, each.text) for each in found] == [("pod-2", "trial 1 done\n")]


def test_a_log_is_waited_for_like_any_answer(server: KubeflowServer, connection: Connection, run: Run) -> None:
    server.faults += [Fault("half-closed", "/log"), Fault(503, "/log")]
    assert log(connection, run, "pod-1") == "proposed 8"


def test_who_is_not_let_in_is_told(server: KubeflowServer, connection: Connection, run: Run) -> None:
    server.faults.append(Fault(403, "/log", times=-1))
    with pytest.raises(ClusterError, match="does not allow you to read a log"):
        log(connection, run, "pod-1")


def test_the_command_reads_them_from_the_cluster(connection: Connection, run: Run) -> None:
    assert f"-n kubeflow -l pipeline/runid={run.id} -c main" in command(connection, run)
