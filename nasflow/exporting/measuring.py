"""What is measured on a network before it is trained: it is built, exported as it would be served, and measured."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nasflow.data.bundle import DataBundle
from nasflow.errors import SearchError
from nasflow.exporting.onnx import export_onnx
from nasflow.objectives.loading import load_measured
from nasflow.spaces import Architecture
from nasflow.tasks import Task


def measured_values(
    task: Task, bundle: DataBundle, architecture: Architecture, names: Sequence[str]
) -> dict[str, float]:
    """Return what is measured on a network with fresh weights, by objective.

    Args:
        task: What is learned.
        bundle: The data; its statistics are part of the network.
        architecture: The network.
        names: The measured objectives.

    Raises:
        SearchError: The network cannot be exported, or a value is no number.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = task.network(architecture, bundle)
    io = task.io(bundle)
    with tempfile.TemporaryDirectory(prefix="nasflow-measuring-") as folder:
        path = Path(folder, "model.onnx")
        export_onnx(network, io, path)
        values = {name: float(load_measured(name).measure(path, io)) for name in names}
    for name, value in values.items():
        if not math.isfinite(value):
            raise SearchError(f"its {name} was measured as {value}, which cannot be compared.")
    return values
