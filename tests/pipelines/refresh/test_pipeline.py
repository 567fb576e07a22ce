"""The shape of the refresh pipeline: a look at the data, and all the rest behind it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler

from nasflow.config import SearchConfig
from nasflow.delivery.refresh.looking import refreshing
from nasflow.pipelines.refresh.pipeline import refresh_pipeline
from nasflow.pipelines.search.pipeline import search_pipeline


def compiled(target: Path, build: Any, **sections: Any) -> dict[str, Any]:
    config = SearchConfig.model_validate({"name": "shape", "data": "sklearn:digits", **sections})
    compiler.Compiler().compile(build("nasflow-shape", refreshing(config), 2, "{}"), str(target))
    found: dict[str, Any] = yaml.safe_load(target.read_text())
    return found


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled(tmp_path_factory.mktemp("refresh") / "pipeline.yaml", refresh_pipeline, budget={"trials": 16})


def inside(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the tasks behind the condition."""
    (name,) = [task for task in spec["root"]["dag"]["tasks"] if task.startswith("condition")]
    reference = spec["root"]["dag"]["tasks"][name]["componentRef"]["name"]
    tasks: dict[str, Any] = spec["components"][reference]["dag"]["tasks"]
    return tasks


def kinds(tasks: dict[str, Any]) -> Counter[str]:
    """Return how many tasks there are of each name; Kubeflow numbers loops through the whole pipeline."""
    return Counter(re.sub(r"-\d+$", "", name) for name in tasks)


def test_an_unchanged_tick_ends_with_its_second_step(spec: dict[str, Any]) -> None:
    tasks = spec["root"]["dag"]["tasks"]
    (condition,) = set(tasks) - {"prepare-data", "detect-change"}
    assert set(tasks[condition]["dependentTasks"]) == {"prepare-data", "detect-change"}
    policy = tasks[condition]["triggerPolicy"]["condition"]
    assert "detect-change-Output" in policy
    assert "== 'yes'" in policy


def test_behind_it_are_the_steps_of_the_search_and_the_conclusion(spec: dict[str, Any], tmp_path: Path) -> None:
    search = compiled(tmp_path / "search.yaml", search_pipeline, budget={"trials": 16})["root"]["dag"]["tasks"]
    expected = kinds(search) - Counter({"prepare-data": 1}) + Counter({"conclude-refresh": 1})
    assert kinds(inside(spec)) == expected
    assert "register-model" in inside(spec)["conclude-refresh"]["dependentTasks"]


def test_the_search_has_the_request_that_the_look_gives(spec: dict[str, Any]) -> None:
    for name in ("generate-space", "propose", "train-final", "register-model", "conclude-refresh"):
        request = inside(spec)[name]["inputs"]["parameters"]["request"]
        assert request == {"componentInputParameter": "pipelinechannel--detect-change-refreshed"}


def test_nothing_but_the_space_is_cached(spec: dict[str, Any]) -> None:
    dags = [spec["root"]["dag"], *(c["dag"] for c in spec["components"].values() if "dag" in c)]
    cached = {
        name
        for dag in dags
        for name, task in dag["tasks"].items()
        if "dag" not in spec["components"][task["componentRef"]["name"]]
        and task.get("cachingOptions", {}).get("enableCache")
    }
    assert cached == {"generate-space"}


def test_the_name_is_its_own_and_the_parameters_are_those_of_a_search(spec: dict[str, Any]) -> None:
    assert spec["pipelineInfo"]["name"] == "nasflow-shape-refresh"
    assert set(spec["root"]["inputDefinitions"]["parameters"]) == {"request", "deadline"}


def test_retraining_is_one_round(tmp_path: Path) -> None:
    spec = compiled(tmp_path / "retrain.yaml", refresh_pipeline, refresh={"mode": "retrain"})
    assert sum(name.startswith("for-loop") for name in inside(spec)) == 1
