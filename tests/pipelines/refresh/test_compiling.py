"""The compiled refresh: the same bytes each time, its own margin, what its pods have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nasflow.config import SearchConfig, config_from
from nasflow.config.steps import REFRESHING, STEPS, STORING, TRACKING, TRAINING
from nasflow.engine.request import Request
from nasflow.errors import UserError
from nasflow.pipelines.refresh.compiling import PENDING, compile_refresh

RESOURCES: dict[str, Any] = {
    "accelerator": {"type": "nvidia.com/gpu"},
    "secrets": {
        "nasflow-s3": {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"},
        "nasflow-mlflow": {"MLFLOW_TRACKING_USERNAME": "username", "MLFLOW_TRACKING_PASSWORD": "password"},
    },
}


def config(**sections: Any) -> SearchConfig:
    base = {"name": "compiled", "data": "sklearn:digits", "storage": {"url": "s3://bucket"}}
    return config_from(base | {"budget": {"trials": 500, "hours": 1}} | sections)


def compiled(folder: Path, asked: SearchConfig, kind: str = "cpu-test") -> list[dict[str, Any]]:
    target = folder / "refresh.yaml"
    compile_refresh(asked, folder, target, kind, image="nasflow@sha256:" + "0" * 64)
    return list(yaml.safe_load_all(target.read_text()))


def step_of(executor: str) -> str:
    names = [step for step in STEPS if executor.startswith(f"exec-{step.replace('_', '-')}")]
    return max(names, key=len)


def test_the_same_configuration_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        compiled(tmp_path, config())
        contents.append((tmp_path / "refresh.yaml").read_bytes())
    assert contents[0] == contents[1]


def test_the_request_has_room_for_the_refresh_and_its_margin(tmp_path: Path) -> None:
    spec = compiled(tmp_path, config(refresh={"margin": 0.1}, registry={"level": 0.01}))[0]
    request = Request.from_json(spec["root"]["inputDefinitions"]["parameters"]["request"]["defaultValue"])
    assert request.refresh == PENDING
    assert (request.config.registry.margin, request.config.registry.level) == (0.1, 0.01)


def test_pods_get_what_their_steps_use(tmp_path: Path) -> None:
    spec, platform = compiled(tmp_path, config(resources=RESOURCES), "cuda-NVIDIA L4")
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    found: dict[str, set[str]] = {"nasflow-s3": set(), "nasflow-mlflow": set(), "gpu": set(), "all": set()}
    for name, executor in spec["deploymentSpec"]["executors"].items():
        step = step_of(name)
        found["all"].add(step)
        for secret in pods.get(name, {}).get("secretAsEnv", []):
            found[secret["secretName"]].add(step)
        if "accelerator" in executor["container"].get("resources", {}):
            found["gpu"].add(step)
    assert found == {"nasflow-s3": STORING, "nasflow-mlflow": TRACKING, "gpu": TRAINING, "all": set(STEPS)}
    assert found["nasflow-mlflow"] >= REFRESHING


def test_kubeflow_reads_it_back(tmp_path: Path) -> None:
    from kfp import components

    compiled(tmp_path, config(resources=RESOURCES), "cuda-NVIDIA L4")
    pipeline = components.load_component_from_text((tmp_path / "refresh.yaml").read_text())
    assert pipeline.name == "nasflow-compiled-refresh"


def test_what_cannot_be_refreshed_is_not_compiled(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"registry\.enabled is false"):
        compiled(tmp_path, config(registry={"enabled": False}))
    assert list(tmp_path.iterdir()) == []
