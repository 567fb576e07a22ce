"""Noise that stands for data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nasflow.data.bundle import DataBundle
from nasflow.data.protocol import Summary
from nasflow.engine.standin import write_standin


def test_it_is_a_bundle_of_the_shape_asked_for(tmp_path: Path) -> None:
    shape = Summary(("cat", "dog", "owl"), (9, 9, 9), 3, 12, (), "digest")
    made = write_standin(tmp_path, shape, train=10, val=4)
    again = DataBundle.open(tmp_path)
    assert again == made
    assert (made.classes, made.channels, made.size) == (shape.classes, 3, 12)
    assert made.counts == {"train": 10, "val": 4, "test": 2}
    assert made.images("train").shape == (10, 12, 12, 3)
    assert made.images("train").dtype == np.uint8
    assert made.images("train").std() > 50
    assert made.targets("train").tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert made.class_counts["train"] == (4, 3, 3)
