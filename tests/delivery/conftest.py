"""A registry to deliver to, data whose answers are known, and networks that are right exactly where they should be."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nasflow.config.loading import load_config
from nasflow.data.bundle import DataBundle
from nasflow.delivery.outcome import Outcome, Trained
from nasflow.delivery.statistics import Comparison, compare_accuracy
from nasflow.delivery.submission import Submission
from nasflow.engine.door import admit
from nasflow.engine.plan import Plan
from nasflow.exporting.onnx import predict_onnx
from nasflow.spaces import Architecture
from nasflow.tracking import TrackingTarget
from nasflow.tracking.client import connect
from nasflow.trials import Fidelity, Status, Trial, TrialResult

CLASSES = ("cat", "dog", 'a "quoted" <b>bird</b>')
STEP = 80


def write_bundle(root: Path, size: int = 8, channels: int = 1, classes: tuple[str, ...] = CLASSES) -> DataBundle:
    """Write 120 test images; the four quarters of each hold its class, wrong for 0, 1, 8 and 40 of them."""
    root.mkdir(parents=True, exist_ok=True)
    targets = np.arange(120) % 3
    images = np.zeros((120, size, size, channels), np.uint8)
    half = size // 2
    for quarter, wrong in enumerate((0, 1, 8, 40)):
        said = np.where(np.arange(120) < wrong, (targets + 1) % 3, targets) * STEP
        top, left = (quarter // 2) * half, (quarter % 2) * half
        images[:, top : top + half, left : left + half] = said[:, None, None, None]
    np.save(root / "test_images.npy", images)
    np.save(root / "test_targets.npy", targets.astype(np.int64))
    counts = {"train": (0, 0, 0), "val": (0, 0, 0), "test": (40, 40, 40)}
    return DataBundle(
        root,
        classes,
        channels,
        size,
        {"train": 0, "val": 0, "test": 120},
        counts,
        (0.0,) * channels,
        (1.0,) * channels,
        {},
        "fingerprint",
        {},
        {"train": 0, "val": 0, "test": 0},
    )


def write_network(path: Path, quarter: int, size: int = 8, channels: int = 1, outputs: int = 3) -> Path:
    """Write a network that reads the class from the corner of one quarter."""
    row, column = (quarter // 2) * (size - 1), (quarter % 2) * (size - 1)
    constants = {
        "starts": np.array([row, column, 0]),
        "ends": np.array([row + 1, column + 1, 1]),
        "axes": np.array([1, 2, 3]),
        "flat": np.array([-1, 1]),
        "levels": np.arange(outputs, dtype=np.float32)[None] * STEP,
        "scale": np.array(-0.1, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["float", "starts", "ends", "axes"], ["pixel"]),
        helper.make_node("Reshape", ["pixel", "flat"], ["value"]),
        helper.make_node("Sub", ["value", "levels"], ["off"]),
        helper.make_node("Abs", ["off"], ["distance"]),
        helper.make_node("Mul", ["distance", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "reads",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", size, size, channels])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", outputs])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def make_outcome(mark: str) -> Outcome:
    def trained(width: int) -> Trained:
        architecture = Architecture("cnn", {"width": width}, {"width": width, "mark": mark})
        trial = Trial(architecture, Fidelity(8, 8), 3, "context")
        return Trained(trial, TrialResult(trial.id, Status.COMPLETED), {"test_accuracy": 0.9})

    comparison = Comparison(0.1, 0.02, 0.01, "exact McNemar", 100, 12, 2)
    return Outcome(f"search-{mark}", trained(8), trained(16), (), comparison, "predictions.npz")


@dataclass
class Registry:
    """An MLflow with the runs of a search in it, and what is needed to submit to it."""

    target: TrackingTarget
    folder: Path

    def __post_init__(self) -> None:
        connection = connect(self.target)
        self.client, self.experiment_id = connection.client, connection.experiment_id

    def run(self, parent: str | None = None) -> str:
        tags = {"mlflow.parentRunId": parent} if parent else {}
        run_id = self.client.create_run(self.experiment_id, tags=tags).info.run_id
        self.client.set_terminated(run_id)
        return run_id

    def submission(
        self, name: str, mark: str, quarter: int, bundle: DataBundle | None = None, margin: float = 0.0
    ) -> Submission:
        bundle = bundle or write_bundle(self.folder / "data")
        network = write_network(
            self.folder / mark / "model.onnx", quarter, bundle.size, bundle.channels, len(bundle.classes)
        )
        parent = self.run()
        probabilities = predict_onnx(network, bundle.images("test"))
        return Submission(
            name, make_outcome(mark), network, bundle, probabilities, self.run(parent), parent, compare_accuracy, margin
        )


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("registry")
    return Registry(TrackingTarget(f"sqlite:///{folder}/mlflow.db", "digits"), folder)


@pytest.fixture(scope="session")
def bundle_at() -> Callable[..., DataBundle]:
    return write_bundle


@pytest.fixture(scope="session")
def network_at() -> Callable[..., Path]:
    return write_network


@pytest.fixture(scope="session")
def plan(in_process: Any) -> Plan:
    """The small search, worked out again."""
    path = in_process.site.root / "search.yaml"
    return admit(load_config(path), path.parent).plan
