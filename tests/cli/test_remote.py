"""Commands that work on a cluster, against a server that speaks Kubeflow Pipelines' API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from nasflow.cli.main import app
from nasflow.pipelines.cluster import following
from nasflow.testing.kubeflow import Fault, KubeflowServer, Task

TOKEN = "token-that-nobody-may-see"
LOST = Task("train-candidates", "FAILED", "pod-1", "pod deleted")
TOLD = Task("propose", "FAILED", "pod-2", log="nasflow: the store cannot be written: the disk is full.\n")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, pets: Callable[..., Path]) -> Iterator[KubeflowServer]:
    with KubeflowServer(token=TOKEN) as running:
        monkeypatch.setattr(following, "POLL_SECONDS", 0.0)
        for name, value in {"ENDPOINT": running.url, "TOKEN": TOKEN, "PATIENCE": "5"}.items():
            monkeypatch.setenv(f"KF_PIPELINES_{name}", value)
        yield running


def nasflow(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"})
    assert TOKEN not in result.output
    assert "Traceback" not in result.output
    return result


def submit(*more: str) -> Result:
    return nasflow("submit", "pets.yaml", "--device-kind", "cpu-test", "--allow-tag", "--no-check-image", *more)


def script(server: KubeflowServer, *ends: tuple[str, list[Task]]) -> None:
    """Let each run end at the third look."""
    left, looks = list(ends), dict[str, int]()

    def on_read(run_id: str) -> None:
        looks[run_id] = looks.get(run_id, 0) + 1
        server.state.kept["runs"][run_id]["state"] = "RUNNING"
        if looks[run_id] == 3:
            server.state.kept["runs"][run_id]["state"], server.state.tasks[run_id] = left.pop(0)

    server.state.on_run_read = on_read


def test_submit_uploads_starts_and_prints_the_address(server: KubeflowServer) -> None:
    result = submit("--service-account", "nasflow-pipeline")
    assert result.exit_code == 0, result.output
    (run,) = server.kept("runs")
    assert f"Started {run['display_name']}: {server.url}/#/runs/details/{run['run_id']}\n" in result.output
    assert run["service_account"] == "nasflow-pipeline"
    (spec,) = server.state.specs.values()
    document = next(iter(yaml.safe_load_all(spec)))
    assert document["pipelineInfo"]["name"] == "nasflow-pets"
    assert '"device_kind":"cpu-test"' in document["root"]["inputDefinitions"]["parameters"]["request"]["defaultValue"]


def test_the_same_command_again_takes_the_run_up(server: KubeflowServer) -> None:
    submit()
    result = submit()
    assert "Already under way: pets 20" in result.output
    assert len(server.kept("runs")) == len(server.kept("pipeline_versions")) == 1
    server.kept("runs")[0]["state"] = "FAILED"
    assert "Started" in submit().output
    assert len(server.kept("runs")) == 2
    assert len(server.kept("pipeline_versions")) == 1


def test_a_changed_search_is_another_version(server: KubeflowServer, pets: Callable[..., Path]) -> None:
    submit()
    pets(seed=5)
    submit()
    assert len(server.kept("pipelines")) == 1
    assert len(server.kept("pipeline_versions")) == len(server.kept("runs")) == 2


@pytest.mark.parametrize("kind", ["lost", "half-closed", 500, 429])
@pytest.mark.parametrize("path", [r"experiments$", r"pipelines$", "upload_version", r"runs$"])
def test_a_fault_anywhere_leaves_one_of_each(server: KubeflowServer, kind: Any, path: str) -> None:
    server.faults.append(Fault(kind, path, "POST"))
    assert submit().exit_code == 0
    for kept in ("experiments", "pipelines", "pipeline_versions", "runs"):
        assert len(server.kept(kept)) == 1


@pytest.mark.parametrize(("kind", "said"), [(401, "401"), (403, "does not allow"), (404, "compare --host")])
def test_what_cannot_be_done_is_one_sentence_and_status_1(server: KubeflowServer, kind: int, said: str) -> None:
    server.faults.append(Fault(kind, times=-1))
    for arguments in (["status", "pets", "--remote"], ["cancel", "pets"], ["logs", "pets"]):
        result = nasflow(*arguments)
        assert result.exit_code == 1
        assert re.fullmatch(rf"nasflow: .*{said}.*\.\n", result.stderr)


def test_without_a_server_it_says_how_to_name_one(server: KubeflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT")
    monkeypatch.setenv("HOME", str(Path.cwd()))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    result = nasflow("cancel", "pets")
    assert (result.exit_code, "--host or KF_PIPELINES_ENDPOINT" in result.stderr) == (2, True)


def test_waiting_follows_to_the_end(server: KubeflowServer) -> None:
    script(server, ("SUCCEEDED", []))
    result = submit("--wait")
    assert result.exit_code == 0, result.output
    assert "pets: waiting for a pod" in result.output
    assert result.output.endswith("pets: delivered\nSearch pets is delivered.\n")


def test_waiting_ends_with_the_steps_own_words(server: KubeflowServer) -> None:
    script(server, ("FAILED", [TOLD]))
    result = submit("--wait", "--max-restarts", "3")
    assert result.exit_code == 1
    expected = "step propose failed: the store cannot be written: the disk is full. See more with 'nasflow logs pets'."
    assert result.stderr == f"nasflow: {expected}\n"
    assert len(server.kept("runs")) == 1


def test_a_lost_pod_is_started_again(server: KubeflowServer) -> None:
    script(server, ("FAILED", [LOST]), ("SUCCEEDED", []))
    result = submit("--wait", "--max-restarts", "1")
    assert result.exit_code == 0, result.output
    assert "the pod of step train-candidates was lost (pod deleted)" in result.output
    second = server.kept("runs")[1]
    assert f"Started again as {second['display_name']}: {server.url}/#/runs/details/{second['run_id']}" in result.output


def test_without_restarts_a_lost_pod_says_that_the_same_command_goes_on(server: KubeflowServer) -> None:
    script(server, ("FAILED", [LOST]))
    result = submit("--wait")
    assert result.exit_code == 1
    assert "the same command again trains only what is missing" in result.stderr


def test_restarts_need_somebody_who_waits(server: KubeflowServer) -> None:
    result = submit("--max-restarts", "1")
    assert (result.exit_code, "--max-restarts needs --wait" in result.stderr) == (2, True)
    assert server.asked == []


def test_status_shows_the_last_run(server: KubeflowServer) -> None:
    submit()
    (run,) = server.kept("runs")
    run["state"] = "RUNNING"
    server.state.tasks[run["run_id"]] = [Task("propose"), Task("train-candidates", "RUNNING", "pod")]
    result = nasflow("status", "pets.yaml", "--remote")
    assert result.exit_code == 0
    assert "pets  searching" in result.output
    assert "0/1, 1 running" in result.output
    assert f"{server.url}/#/runs/details/{run['run_id']}" in result.output
    run["state"], server.state.tasks[run["run_id"]] = "FAILED", [TOLD]
    assert "the disk is full" in nasflow("status", "pets", "--remote", "--run", run["run_id"][:8]).output
    assert nasflow("status", "--remote").exit_code == 2
    assert "has no run 'zzzz'" in nasflow("status", "pets", "--remote", "--run", "zzzz").stderr


def test_cancel_ends_what_runs_and_is_safe_to_repeat(server: KubeflowServer) -> None:
    assert "no run of pets.yaml is under way" in nasflow("cancel", "pets.yaml").output
    submit()
    server.faults.append(Fault("lost", "terminate"))
    result = nasflow("cancel", "pets.yaml")
    assert (result.exit_code, "Cancelled pets 20" in result.output) == (0, True)
    assert server.kept("runs")[0]["state"] == "CANCELED"
    assert "no run of pets is under way" in nasflow("cancel", "pets").output


def test_logs_prints_what_steps_have_written(server: KubeflowServer) -> None:
    submit()
    (run,) = server.kept("runs")
    server.state.tasks[run["run_id"]] = [Task("propose", pod="p1", log="proposed\n"), TOLD, LOST]
    result = nasflow("logs", "pets")
    assert result.output == "==> propose (failed), pod pod-2\n" + (TOLD.log or "")
    assert "==> propose (succeeded), pod p1\nproposed\n" in nasflow("logs", "pets.yaml", "propose").output
    gone = nasflow("logs", "pets", "train_candidates")
    assert f"kubectl logs -n kubeflow -l pipeline/runid={run['run_id']}" in gone.output
    assert nasflow("logs", "pets", "propel").exit_code == 2


def test_a_submission_is_what_compile_writes(server: KubeflowServer) -> None:
    submit()
    nasflow("compile", "pets.yaml", "--device-kind", "cpu-test", "--allow-tag")
    assert Path("pets-pipeline.yaml").read_text() == next(iter(server.state.specs.values()))
