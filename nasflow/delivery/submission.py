"""What is handed in for registration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasflow.data.bundle import DataBundle
from nasflow.delivery.comparing import Compare
from nasflow.delivery.outcome import Outcome
from nasflow.delivery.statistics import LEVEL


@dataclass(frozen=True)
class Submission:
    """What is to be registered.

    Attributes:
        name: Name of the registered model.
        outcome: What the search found.
        onnx: The winner's ONNX file.
        bundle: The data; its test samples decide about the alias.
        probabilities: The winner's probabilities for the test samples, float32 (N, classes).
        run_id: MLflow run of the winner's full training; the version belongs to it.
        parent_run_id: MLflow run of the search.
        compare: How two networks are compared on the task's first metric.
        margin: How much better than the present champion the winner must be.
        level: What the p value of the comparison must be below.
        section: Section of the configuration that the margin stands in.
        tags: What the version is tagged with besides.
        check: Told the tags of the champion before it is asked; raises `IncomparableError` where it may not be.
    """

    name: str
    outcome: Outcome
    onnx: Path
    bundle: DataBundle
    probabilities: NDArray[np.float32]
    run_id: str
    parent_run_id: str
    compare: Compare
    margin: float = 0.0
    level: float = LEVEL
    section: str = "registry"
    tags: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Mapping[str, str]], None] = lambda tags: None
