"""Completing the parent run of a search."""

from __future__ import annotations

import time
from collections.abc import Mapping

from nasflow.tracking.runs import Runs


def finish(runs: Runs, metrics: Mapping[str, float], tags: Mapping[str, str], status: str) -> None:
    """Write what is new of metrics and tags, and end the run.

    Args:
        runs: The runs of the search.
        metrics: What was found.
        tags: What it is tagged with.
        status: How the search ended, in MLflow's words.
    """
    from mlflow.entities import Metric, RunTag

    parent = runs.parent
    present = runs.client.get_run(parent.id)
    stamp = round(time.time() * 1000)
    new = [
        Metric(name, float(value), stamp, 0)
        for name, value in metrics.items()
        if present.data.metrics.get(name) != float(value)
    ]
    changed = [RunTag(key, value) for key, value in tags.items() if present.data.tags.get(key) != value]
    if new or changed:
        runs.client.log_batch(parent.id, new, tags=changed, synchronous=True)
    if new or changed or present.info.status != status:
        runs.client.set_terminated(parent.id, status, stamp)
    parent.ended = True
