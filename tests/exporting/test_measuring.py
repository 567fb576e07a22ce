"""A network with fresh weights, exported as it would be served, and measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from nasflow.config import SearchConfig
from nasflow.data.bundle import DataBundle
from nasflow.data.prepare import prepare
from nasflow.errors import SearchError
from nasflow.exporting.measuring import measured_values
from nasflow.spaces import Architecture
from nasflow.tasks import Task
from nasflow.tasks.loading import load_task
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import RIGGED, rigged

STRANGER = """
from pathlib import Path

class Weight:
    direction, unit, version = "minimize", "bytes", 1
    def device(self):
        return "any"
    def measure(self, onnx, io):
        import numpy as np
        import onnx as package
        found = package.load(onnx)
        (entry,) = found.graph.input
        assert [d.dim_value for d in entry.type.tensor_type.shape.dim][1:] == [io.size, io.size, io.channels]
        Path(__file__).with_name("seen.onnx").write_bytes(Path(onnx).read_bytes())
        return np.float64(Path(onnx).stat().st_size)

class Nothing(Weight):
    def measure(self, onnx, io):
        return float("nan")

WEIGHT, NOTHING = Weight(), Nothing()
"""


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(SearchConfig.model_validate({"name": "measured", "data": "sklearn:digits"}))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
    root = tmp_path_factory.mktemp("measuring")
    config = SearchConfig.model_validate({"name": "measured", "data": "sklearn:digits"})
    return prepare(config.data, root, root / "bundle")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("weighing")
    (root / "weighing_networks.py").write_text(STRANGER)
    entries = {"weight": "weighing_networks:WEIGHT", "nothing": "weighing_networks:NOTHING"}
    with installed(root, {**RIGGED, "objectives": entries}):
        yield root


def test_a_strangers_quantity_is_measured_on_the_exported_file(task: Task, bundle: DataBundle, folder: Path) -> None:
    small, large = (measured_values(task, bundle, rigged("good", width), ["weight"]) for width in (8, 32))
    assert 0 < small["weight"] < large["weight"]
    assert type(small["weight"]) is float


def test_a_chosen_resolution_keeps_the_stored_size_outside(task: Task, bundle: DataBundle, folder: Path) -> None:
    reduced = Architecture("rigged", {}, {"behaviour": "good", "width": 8, "step": 1}, resolution=6)
    assert measured_values(task, bundle, reduced, ["weight"])["weight"] > 0
    size = onnx.load(folder / "seen.onnx").graph.input[0].type.tensor_type.shape.dim[1].dim_value
    assert size == bundle.size


def test_nothing_of_the_callers_randomness_is_used(task: Task, bundle: DataBundle, folder: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    measured_values(task, bundle, rigged("good"), ["weight"])
    first = (folder / "seen.onnx").read_bytes()
    assert torch.equal(torch.rand(3), expected)
    measured_values(task, bundle, rigged("good"), ["weight"])
    weights = [
        [np.frombuffer(t.raw_data, np.uint8) for t in onnx.load_from_string(content).graph.initializer]
        for content in (first, (folder / "seen.onnx").read_bytes())
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_what_is_no_number_is_a_failure(task: Task, bundle: DataBundle, folder: Path) -> None:
    with pytest.raises(SearchError, match="its nothing was measured as nan, which cannot be compared"):
        measured_values(task, bundle, rigged("good"), ["weight", "nothing"])


def test_what_onnx_cannot_express_says_so(task: Task, bundle: DataBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            raise NotImplementedError("no such operation")

    monkeypatch.setattr(type(task), "network", lambda *_: Foreign())
    with pytest.raises(SearchError, match="cannot be exported to ONNX"):
        measured_values(task, bundle, Architecture("mlp", {}, {}), ["latency"])
