"""What a run leaves for the driver of its containers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nasflow.engine.request import Request
from nasflow.errors import ContainerError
from nasflow.pipelines.docker.containers import Containers, prepared_for, within
from nasflow.pipelines.docker.settings import SETTINGS_FILE, ContainerSettings

Requests = Callable[..., Request]


def test_without_containers_nothing_is_left(request_of: Requests, tmp_path: Path) -> None:
    request = request_of()
    (tmp_path / SETTINGS_FILE).write_text("of an earlier run")
    assert prepared_for(None, request, tmp_path) == (request, {})
    assert not (tmp_path / SETTINGS_FILE).exists()


def test_the_driver_finds_how_they_are_made(request_of: Requests, tmp_path: Path) -> None:
    containers: Any = SimpleNamespace(image="sha256:0")
    request, variables = prepared_for(containers, request_of(), tmp_path)
    assert variables == {"NASFLOW_IMAGE": "sha256:0"}
    assert ContainerSettings.from_json((tmp_path / SETTINGS_FILE).read_text()).image == "sha256:0"
    assert request == within(request_of())


def test_the_steps_find_mlflow_whatever_folder_they_start_in(
    request_of: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = within(request_of(tracking={"uri": "sqlite:///runs.db"})).config.tracking.uri
    assert found == f"sqlite:///{tmp_path}/runs.db"
    assert within(request_of(tracking={"uri": "http://mlflow:5000"})).config.tracking.uri == "http://mlflow:5000"


def test_a_step_takes_its_memory_from_its_container(request_of: Requests) -> None:
    request = request_of(resources={"memory_gib": 2, "device": "cpu"})
    resources = within(request).config.resources
    assert (resources.memory_gib, resources.device) == (None, "cpu")
    assert request.config.resources.memory_gib == 2


def test_without_a_daemon_nothing_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(ContainerError, match="does not answer"):
        Containers("nasflow-python:latest")
