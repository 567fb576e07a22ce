"""The step that generates the space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kfp import dsl

from nasflow.components.generate_space.component import generate_space
from nasflow.spaces import SearchSpace


def test_the_artifact_is_the_space(chain: Any) -> None:
    artifact = chain.artifacts["space"]
    space = SearchSpace.from_json(json.loads(Path(artifact.path).read_text()))
    assert space.size == chain.returned["generate_space"] == int(artifact.metadata["assignments"])
    assert artifact.metadata["family"] == "mlp"
    assert artifact.metadata["id"] == space.id


def test_it_depends_on_its_inputs_alone_so_that_it_may_be_cached(chain: Any, tmp_path: Path) -> None:
    again = dsl.Artifact(uri=str(tmp_path / "space"))
    generate_space.python_func(request=chain.request, data=chain.artifacts["data"], space=again)
    assert Path(again.path).read_bytes() == Path(chain.artifacts["space"].path).read_bytes()


def test_a_size_that_no_integer_holds_is_minus_one(chain: Any, tmp_path: Path) -> None:
    request = json.loads(chain.request)
    request["config"]["space"] = {"family": "mlp", "options": {"max_depth": 16, "widths": list(range(1, 40))}}
    space = dsl.Artifact(uri=str(tmp_path / "space"))
    size = generate_space.python_func(request=json.dumps(request), data=chain.artifacts["data"], space=space)
    assert size == -1
    assert int(space.metadata["assignments"]) > 2**63
