"""The step that registers the winner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kfp import dsl

from nasflow.components.register_model.component import register_model


def again(chain: Any, tmp_path: Path) -> dict[str, Any]:
    registration = dsl.Artifact(uri=str(tmp_path / "registration"))
    artifacts = {name: chain.artifacts[name] for name in ("outcome", "model", "page")}
    register_model.python_func(registration=registration, **artifacts, summary=chain.summary, **chain.known)
    found: dict[str, Any] = json.loads(Path(registration.path).read_text())
    return found


def test_the_winner_is_registered_under_its_name(chain: Any) -> None:
    artifact = chain.artifacts["registration"]
    found = json.loads(Path(artifact.path).read_text())
    assert (found["name"], found["version"], found["alias"]) == ("by-components", 1, "champion")
    assert artifact.metadata == {"name": "by-components", "version": 1, "alias": "champion"}


def test_the_runs_are_complete(chain: Any) -> None:
    chain.site.accounted(5)
    assert chain.site.kinds() == {"search": 1, "trial": 5, "final": 2, "reference": 1}


def test_done_again_it_makes_no_other_version_and_no_other_run(chain: Any, tmp_path: Path) -> None:
    first = json.loads(Path(chain.artifacts["registration"].path).read_text())
    runs = {run.info.run_id for run in chain.site.runs()}
    assert again(chain, tmp_path) == first
    assert {run.info.run_id for run in chain.site.runs()} == runs
