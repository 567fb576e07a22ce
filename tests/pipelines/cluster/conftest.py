"""A server, a connection to it, and a compiled pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nasflow.pipelines.cluster.connection import Access, Connection
from nasflow.testing.kubeflow import KubeflowServer


@pytest.fixture
def server() -> Iterator[KubeflowServer]:
    with KubeflowServer() as running:
        running.stalled_seconds = 1.2
        yield running


@pytest.fixture
def connect(server: KubeflowServer) -> Callable[[], Connection]:
    """Return a function that connects to the server, as a new command does."""
    return lambda: Connection(Access(host=server.url, patience=10.0, limits=(5.0, 0.8), pace=0.02))


@pytest.fixture
def connection(connect: Callable[[], Connection]) -> Connection:
    return connect()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text("pipelineInfo: {name: nasflow-pets}\nroot: {dag: {tasks: {}}}\nschemaVersion: 2.1.0\n")
    return path


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ENDPOINT", "TOKEN", "COOKIE", "SA_TOKEN_PATH", "NAMESPACE", "PATIENCE", "UI_ENDPOINT"):
        monkeypatch.delenv(f"KF_PIPELINES_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
