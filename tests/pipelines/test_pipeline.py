"""The shape of the pipeline: what waits for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler

from nasflow.config import SearchConfig
from nasflow.pipelines.search.pipeline import search_pipeline


def compiled(target: Path, **budget: Any) -> dict[str, Any]:
    config = SearchConfig.model_validate({"name": "shape", "data": "sklearn:digits", "budget": budget})
    compiler.Compiler().compile(search_pipeline("nasflow-shape", config, 2, "{}"), str(target))
    found: dict[str, Any] = yaml.load(target.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled(tmp_path_factory.mktemp("pipeline") / "pipeline.yaml", trials=24)


def waits_for(spec: dict[str, Any], task: str) -> set[str]:
    return set(spec["root"]["dag"]["tasks"][task].get("dependentTasks", []))


def test_rounds_follow_one_another(spec: dict[str, Any]) -> None:
    assert waits_for(spec, "propose") == {"prepare-data", "generate-space"}
    assert "propose" in waits_for(spec, "for-loop-1")
    assert "for-loop-1" in waits_for(spec, "propose-2")
    assert "for-loop-2" in waits_for(spec, "propose-3")
    assert "for-loop-3" in waits_for(spec, "select")


def test_delivery_follows_the_search(spec: dict[str, Any]) -> None:
    assert "select" in waits_for(spec, "train-final")
    assert "train-final" in waits_for(spec, "export-model")
    assert "train-final" in waits_for(spec, "report")
    assert {"export-model", "report", "train-final"} <= waits_for(spec, "register-model")


def test_export_and_report_do_not_wait_for_one_another(spec: dict[str, Any]) -> None:
    assert "export-model" not in waits_for(spec, "report")
    assert "report" not in waits_for(spec, "export-model")


def test_every_round_is_a_loop_over_names_with_its_parallelism(spec: dict[str, Any]) -> None:
    loops = [task for name, task in spec["root"]["dag"]["tasks"].items() if name.startswith("for-loop")]
    assert len(loops) == 3
    for loop in loops:
        assert loop["iteratorPolicy"]["parallelismLimit"] == 2
        assert "parameterIterator" in loop


def test_the_name_is_the_one_given(spec: dict[str, Any]) -> None:
    assert spec["pipelineInfo"]["name"] == "nasflow-shape"
    assert set(spec["root"]["inputDefinitions"]["parameters"]) == {"request", "deadline"}


def test_where_time_limits_the_search_one_step_does_the_rounds_that_are_left(tmp_path: Path) -> None:
    spec = compiled(tmp_path / "hours.yaml", trials=500, hours=0.1)
    tasks = spec["root"]["dag"]["tasks"]
    assert sum(name.startswith("for-loop") for name in tasks) == 3
    assert tasks["search-on"]["inputs"]["parameters"]["first"]["runtimeValue"]["constant"] == 3
    assert "for-loop-3" in waits_for(spec, "search-on")
    assert {"for-loop-3", "search-on"} <= waits_for(spec, "select")
    few = compiled(tmp_path / "few.yaml", trials=8, hours=1)
    assert "search-on" not in few["root"]["dag"]["tasks"]


def test_the_deadline_reaches_every_step_that_has_to_keep_to_it(spec: dict[str, Any]) -> None:
    tasks = spec["root"]["dag"]["tasks"]
    for name in ("propose", "propose-3", "select", "train-final"):
        source = tasks[name]["inputs"]["parameters"]["deadline"]["taskOutputParameter"]
        assert source == {"outputParameterKey": "deadline", "producerTask": "prepare-data"}
