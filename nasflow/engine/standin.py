"""Images of noise in the form of prepared data, for measuring how long training takes before there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nasflow.data.bundle import DataBundle, images_file, samples_file, targets_file, write_document
from nasflow.data.protocol import SPLITS, DataShape, Split


def write_standin(folder: Path, shape: DataShape, train: int, val: int) -> DataBundle:
    """Write images of noise, classes in turn.

    Args:
        folder: An empty folder.
        shape: Classes, channels and size of the data that they stand for.
        train: Training samples.
        val: Validation samples.
    """
    rng = np.random.default_rng(0)
    counts: dict[Split, int] = {"train": train, "val": val, "test": 2}
    classes = len(shape.classes)
    for split in SPLITS:
        images = rng.integers(0, 256, (counts[split], shape.size, shape.size, shape.channels), dtype=np.uint8)
        np.save(folder / images_file(split), images)
        np.save(folder / targets_file(split), np.arange(counts[split], dtype=np.int64) % classes)
        (folder / samples_file(split)).write_text('{"names": [], "keys": []}')
    by_class = {split: np.bincount(np.arange(n) % classes, minlength=classes).tolist() for split, n in counts.items()}
    write_document(
        folder,
        {
            "classes": list(shape.classes),
            "channels": shape.channels,
            "size": shape.size,
            "class_counts": by_class,
            "mean": [127.5] * shape.channels,
            "std": [74.0] * shape.channels,
            "meta": {},
            "fingerprint": "stand-in",
            "skipped": {},
            "dropped": {"train": 0, "val": 0},
            "given": [],
        },
    )
    return DataBundle.open(folder, verify=False)
