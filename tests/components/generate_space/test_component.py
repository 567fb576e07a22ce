"""The step that generates the space."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
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
    generate_space.python_func(request=chain.request, data=chain.artifacts["data"], space=again, summary=chain.summary)
    assert Path(again.path).read_bytes() == Path(chain.artifacts["space"].path).read_bytes()


def test_a_size_that_no_integer_holds_is_minus_one(chain: Any, tmp_path: Path) -> None:
    request = json.loads(chain.request)
    request["config"]["space"] = {"family": "mlp", "options": {"max_depth": 16, "widths": list(range(1, 40))}}
    space = dsl.Artifact(uri=str(tmp_path / "space"))
    size = generate_space.python_func(
        request=json.dumps(request), data=chain.artifacts["data"], space=space, summary=chain.summary
    )
    assert size == -1
    assert int(space.metadata["assignments"]) > 2**63


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"training": {"progressive": {"start": 0.5}}}, "those of family 'mlp' do not; remove it"),
        ({"training": {"augment": {"cutout": 8}}}, "training.augment.cutout must be below the size of the images, 8"),
        ({"objectives": [{"name": "parameters", "less_than": 5}]}, "sampled networks would be trained"),
    ],
)
def test_a_search_that_cannot_suit_its_data_ends_here(
    chain: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], sections: Any, words: str
) -> None:
    request = json.loads(chain.request)
    request["config"] |= sections
    space = dsl.Artifact(uri=str(tmp_path / "space"))
    with pytest.raises(SystemExit) as ended:
        generate_space.python_func(
            request=json.dumps(request), data=chain.artifacts["data"], space=space, summary=chain.summary
        )
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
    assert not Path(space.path).exists()


def test_an_objective_that_cannot_be_measured_where_it_runs_ends_here(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    request = json.loads(chain.request)
    request["config"]["objectives"] = [{"name": "val_accuracy"}, {"name": "latency"}]
    space = dsl.Artifact(uri=str(tmp_path / "space"))
    with pytest.raises(SystemExit):
        generate_space.python_func(
            request=json.dumps(request), data=chain.artifacts["data"], space=space, summary=chain.summary
        )
    assert "'latency' is measured with ONNX Runtime, which cannot be imported here" in capsys.readouterr().err
