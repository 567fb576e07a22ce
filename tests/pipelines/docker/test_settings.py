"""How containers are made: as the user, without privileges, within the limits of the configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.request import Request
from nasflow.pipelines.docker.settings import ContainerSettings, environment, limits_of

Requests = Callable[..., Request]
GIB = 2**30


@pytest.fixture
def settings(request_of: Requests, site: Any) -> ContainerSettings:
    return ContainerSettings.of(request_of(), site.root / "pipeline", "sha256:0")


def test_they_travel_as_json_without_any_value_of_the_environment(
    request_of: Requests, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "recognisable")
    resources = {"memory_gib": 2, "cpu": 1.5, "steps": {"train_final": {"memory_gib": 3}}}
    made = ContainerSettings.of(request_of(resources=resources), site.root, "sha256:0")
    assert "recognisable" not in made.to_json()
    assert ContainerSettings.from_json(made.to_json()) == made


def test_containers_run_as_the_user_without_privileges(settings: ContainerSettings) -> None:
    found = settings.arguments({"SecurityOptions": ["name=seccomp,profile=default"]}, {"MLFLOW_TRACKING_URI": "x"})
    assert found["user"] == f"{os.getuid()}:{os.getgid()}"
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges"]
    assert found["labels"] == {"io.nasflow.pipeline": settings.folder}
    assert found["environment"]["MLFLOW_TRACKING_URI"] == "x"
    assert "device_requests" not in found
    assert "userns_mode" not in found
    assert {mount["Target"] for mount in found["mounts"]} == {mount.path for mount in settings.mounts}
    assert all(mount["Source"] == mount["Target"] for mount in found["mounts"])


def test_they_are_what_kfps_runner_takes(settings: ContainerSettings) -> None:
    from kfp import local

    local.DockerRunner(**settings.arguments({}, {}))


def test_the_daemon_decides_what_else_is_needed(settings: ContainerSettings) -> None:
    def of(option: str) -> dict[str, Any]:
        return settings.arguments({"SecurityOptions": [option]}, {})

    assert of("name=rootless")["user"] == "0:0"
    assert of("name=rootless")["group_add"] == []
    assert of("name=userns")["userns_mode"] == "host"
    assert of("name=selinux")["security_opt"] == ["no-new-privileges", "label=disable"]


def test_gpus_are_given_to_a_search_that_trains_on_them(request_of: Requests, site: Any) -> None:
    made = ContainerSettings.of(replace(request_of(), device_kind="cuda-NVIDIA L4"), site.root, "sha256:0")
    (devices,) = made.arguments({}, {})["device_requests"]
    assert devices["Capabilities"] == [["gpu"]]


def test_each_step_has_the_limits_of_its_pod(request_of: Requests, site: Any) -> None:
    resources = {
        "memory_gib": 2,
        "cpu": 0.5,
        "shared_memory_gib": 0.25,
        "steps": {"report": {"memory_gib": 1}, "train_final": {"cpu": 1024}},
    }
    limits = limits_of(request_of(resources=resources).config)
    assert (limits["train_candidates"].memory, limits["train_candidates"].cpu) == (2 * GIB, 0.5)
    assert (limits["report"].memory, limits["report"].cpu) == (GIB, None)
    assert limits["propose"].memory is None
    made = ContainerSettings.of(request_of(resources=resources), site.root, "sha256:0")
    assert made.limited("train_candidates") == {
        "mem_limit": 2 * GIB,
        "memswap_limit": 2 * GIB,
        "nano_cpus": 500_000_000,
        "shm_size": GIB // 4,
    }
    assert made.limited("propose") == {"shm_size": GIB}
    assert made.limited("train_final")["nano_cpus"] == int(1e9 * (os.cpu_count() or 1))
    assert made.cores("train_candidates") == {"NASFLOW_CORES": "1"}
    assert made.cores("propose") == {}


def test_the_steps_get_what_they_use_of_the_environment_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NASFLOW_CACHE", str(tmp_path / "cache"))
    given = {
        "AWS_ACCESS_KEY_ID": "a",
        "MLFLOW_TRACKING_URI": "b",
        "NASFLOW_HOLDER": "c",
        "https_proxy": "d",
        "NASFLOW_IMAGE": "no",
        "PATH": "no",
        "HOME": "no",
        "GITHUB_TOKEN": "no",
        "KF_PIPELINES_TOKEN": "no",
    }
    found = environment(given)
    assert found.pop("NASFLOW_CACHE") == str(tmp_path / "cache")
    assert found == {name: value for name, value in given.items() if value != "no"}
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\n")
    assert environment({})["AWS_SHARED_CREDENTIALS_FILE"] == str(tmp_path / ".aws" / "credentials")
    assert "AWS_CONFIG_FILE" not in environment({})
    assert json.dumps(environment({}))
