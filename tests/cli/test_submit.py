"""`nasflow submit`: the image of the pods, the store that they share, and searches begun anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nasflow.cli.main import app
from nasflow.engine.kept import find_search
from nasflow.engine.request import Request
from nasflow.pipelines.cluster import following
from nasflow.pipelines.search.contents import PLUGINS, labels
from nasflow.storage import open_store
from nasflow.testing.kubeflow import KubeflowServer, Task
from nasflow.testing.registries import RegistryServer
from nasflow.testing.servers import MinioServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeflowServer]:
    with KubeflowServer() as running:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", running.url)
        monkeypatch.setenv("KF_PIPELINES_PATIENCE", "5")
        yield running


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as running:
        running.push("nasflow", "bare", {PLUGINS: "{}"})
        yield running


def nasflow(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "80"})
    assert "Traceback" not in result.output
    return result


def submit(*more: str) -> Result:
    return nasflow("submit", "pets.yaml", "--device-kind", "cpu-test", *more)


def untold(*more: str) -> Result:
    """Submit without a look at the image."""
    return submit("--allow-tag", "--no-check-image", *more)


def test_a_tag_is_submitted_by_its_digest(
    server: KubeflowServer, registry: RegistryServer, pets: Callable[..., Path]
) -> None:
    digest = registry.push("nasflow", "1.0", labels())
    result = submit("--image", f"{registry.host}/nasflow:1.0")
    assert result.exit_code == 0, result.output
    assert f"{registry.host}/nasflow:1.0 is {digest} now, which is what the pods run." in result.stderr
    (spec,) = server.state.specs.values()
    assert f"image: {registry.host}/nasflow@{digest}\n" in spec
    assert f"{registry.host}/nasflow:1.0" not in spec
    assert "Already under way" in submit("--image", f"{registry.host}/nasflow:1.0").output
    moved = registry.push("nasflow", "1.0", labels() | {"moved": "yes"})
    assert "Started" in submit("--image", f"{registry.host}/nasflow:1.0").output
    assert moved in list(server.state.specs.values())[-1]


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("bare", "nasflow:bare has no family 'cnn' and no task 'image_classification'"),
        ("brae", "has no 'brae'; its tags are"),
    ],
)
def test_an_image_that_cannot_run_the_search_is_refused_before_anything_is_uploaded(
    server: KubeflowServer, registry: RegistryServer, pets: Callable[..., Path], tag: str, said: str
) -> None:
    result = submit("--image", f"{registry.host}/nasflow:{tag}")
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert server.kept("pipelines") == []


def test_a_registry_that_is_away_can_be_left_alone(server: KubeflowServer, pets: Callable[..., Path]) -> None:
    image = f"127.0.0.1:9/nasflow@sha256:{'0' * 64}"
    result = submit("--image", image)
    assert result.exit_code == 1
    assert "nothing answers at the registry '127.0.0.1:9'" in result.stderr
    assert "--no-check-image" in result.stderr
    assert submit("--image", image, "--no-check-image").exit_code == 0


def test_a_store_that_no_two_pods_share_is_refused(server: KubeflowServer, pets: Callable[..., Path]) -> None:
    pets(storage={"url": "nasflow-store"})
    result = untold()
    assert (result.exit_code, "no two pods share one" in result.stderr) == (2, True)
    assert server.asked == []
    result = untold("--store", "s3://bucket/prefix")
    assert result.exit_code == 0, result.output
    assert "s3://bucket/prefix" in next(iter(server.state.specs.values()))


def generations(server: KubeflowServer) -> list[int]:
    requests = [run["runtime_config"]["parameters"].get("request") for run in server.kept("runs")]
    return [Request.from_json(request).generation if request else 0 for request in requests]


def test_new_begins_a_search_anew_though_one_is_under_way_or_done(
    server: KubeflowServer, pets: Callable[..., Path]
) -> None:
    untold()
    assert "Started" in untold("--new").output
    server.kept("runs")[-1]["state"] = "SUCCEEDED"
    assert "Started" in untold("--new").output
    assert generations(server) == [0, 1, 2]
    assert len(server.kept("pipeline_versions")) == 1
    for run in server.kept("runs"):
        run["state"] = "FAILED"
    assert "Started" in untold().output  # goes on with the present one
    assert "Already under way" in untold().output
    assert generations(server) == [0, 1, 2, 2]


def test_a_run_that_is_taken_up_is_started_again_as_what_it_is(
    server: KubeflowServer, pets: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.0)
    untold("--new")
    ends = iter([("FAILED", [Task("propose", "FAILED", "pod", "pod deleted")]), ("SUCCEEDED", [])])

    def on_read(run_id: str) -> None:
        run = server.state.kept["runs"][run_id]
        if run["state"] in ("PENDING", "RUNNING"):
            run["state"], server.state.tasks[run_id] = next(ends)

    server.state.on_run_read = on_read
    result = untold("--wait", "--max-restarts", "1")
    assert result.exit_code == 0, result.output
    assert "Already under way" in result.output
    assert "Started again" in result.output
    assert generations(server) == [1, 1]


SEARCH = "import sys, nasflow; nasflow.search(sys.argv[1], deliver_model=False)"


def test_a_search_in_a_bucket_whose_pod_is_killed_is_followed_and_started_again(
    server: KubeflowServer, site: Any, helpers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubeflow stands in for the cluster, with a real search as the pod: killed once it has a result, then let be."""
    minio = MinioServer(tmp_path / "minio")
    for name, value in minio.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(following, "POLL_SECONDS", 0.1)
    minio.start()
    url = minio.url("bucket", "searches")
    site.ready()
    path = site.yaml(storage={"url": url}, tracking={"uri": site.uri}, resources={"cpu": 2, "memory_gib": 4})
    store = open_store(url)
    pods: dict[str, subprocess.Popen[bytes]] = {}
    kept: dict[str, bytes] = {}

    def on_read(run_id: str) -> None:
        run = server.state.kept["runs"][run_id]
        if run_id not in pods:
            pods[run_id] = subprocess.Popen([sys.executable, "-c", SEARCH, str(path)], start_new_session=True)
            run["state"] = "RUNNING"
        if len(pods) == 1 and (found := {key: store.get(key) or b"" for key in store.keys("results/")}):
            os.killpg(pods[run_id].pid, signal.SIGKILL)
            pods[run_id].wait()
            kept.update(found)
            run["state"] = "FAILED"
            server.state.tasks[run_id] = [Task("train-candidates", "FAILED", "pod", "pod deleted")]
        elif pods[run_id].poll() is not None and run["state"] == "RUNNING":
            run["state"] = "SUCCEEDED" if pods[run_id].returncode == 0 else "FAILED"

    server.state.on_run_read = on_read
    try:
        named = ["--image", "nasflow:1", "--allow-tag", "--no-check-image", "--device-kind", "cpu-test"]
        result = nasflow("submit", path, *named, "--wait", "--max-restarts", "2")
    finally:
        for pod in pods.values():
            if pod.poll() is None:
                os.killpg(pod.pid, signal.SIGKILL)
                pod.wait()
        history = find_search(store, "small").records.history() if kept else None
        after = {key: store.get(key) or b"" for key in store.keys("results/")} if kept else {}
        minio.kill()
    assert result.exit_code == 0, result.output
    assert "the pod of step train-candidates was lost (pod deleted)" in result.output
    assert "Started again as small" in result.output
    assert "counted in shards" not in result.output
    assert len(pods) == 2
    assert kept
    assert helpers.unchanged(kept, after)
    assert history is not None
    assert len(history) == 5
    assert all(entry.result is not None for entry in history)
    assert not any(secret in result.output for secret in minio.environment.values())


def test_notes_do_not_mix_with_what_was_asked_for(server: KubeflowServer, pets: Callable[..., Path]) -> None:
    pets(resources={}, storage={"url": "s3://bucket"}, tracking={})
    result = untold()
    assert "No MLflow server is named" in result.stderr
    assert "LimitRange" in result.stderr
    assert "LimitRange" not in result.stdout
    assert "LimitRange" not in next(iter(server.state.specs.values()))
