"""Searching the training recipe together with the network against searching the network alone, on digits.

    python benchmarks/joint.py [--seeds 10] [--trials 24]

Both searches are `examples/digits.yaml` with the same seeds, trials and epochs a trial; the one adds `space.recipe`.
Printed is the best trial's accuracy and loss on validation for each seed, and the mean paired difference with its
standard error. Nothing is delivered, so the test samples are not looked at.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

import nasflow

EXAMPLE = Path(__file__).parents[1] / "examples" / "digits.yaml"

RECIPE: dict[str, Any] = {
    "optimizer": {
        "sgd": {"learning_rate": {"low": 0.02, "high": 0.5, "log": True, "steps": 6}},
        "adamw": {"learning_rate": {"low": 0.001, "high": 0.02, "log": True, "steps": 5}},
    },
    "batch_size": [128, 64, 32],
    "weight_decay": [0.0005, 0.005, 0.05],
    "augment.crop": [1, 0],
    "label_smoothing": [0.0, 0.1],
}


def best(seed: int, trials: int, recipe: dict[str, Any]) -> tuple[float, float, float]:
    """Return the accuracy and loss on validation of a search's best trial, and the seconds that the search took."""
    config = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    config["seed"], config["budget"] = seed, {"trials": trials}
    config["space"] = {"family": config["space"], "recipe": recipe}
    with tempfile.TemporaryDirectory() as store:
        config["storage"] = {"url": store}
        began = time.perf_counter()
        outcome = nasflow.search(config, deliver_model=False, progress=False)
        seconds = time.perf_counter() - began
    found = [e.result.metrics for e in outcome.best if e.result is not None]
    return found[0]["val_accuracy"], found[0]["val_loss"], seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=24)
    asked = parser.parse_args()
    rows = []
    for seed in range(asked.seeds):
        alone, joint = best(seed, asked.trials, {}), best(seed, asked.trials, RECIPE)
        rows.append((alone, joint))
        print(
            f"seed {seed}: network alone {alone[0]:.4f} (loss {alone[1]:.4f}, {alone[2]:.0f} s), "
            f"with recipe {joint[0]:.4f} (loss {joint[1]:.4f}, {joint[2]:.0f} s)",
            flush=True,
        )
    for name, place in (("accuracy", 0), ("loss", 1)):
        differences = [joint[place] - alone[place] for alone, joint in rows]
        error = statistics.stdev(differences) / math.sqrt(len(rows))
        means = [statistics.mean(row[way][place] for row in rows) for way in (0, 1)]
        print(
            f"{name}: {means[0]:.4f} alone, {means[1]:.4f} with recipe; difference "
            f"{statistics.mean(differences):+.4f} ± {error:.4f} (standard error over {len(rows)} seeds)"
        )


if __name__ == "__main__":
    main()
