"""What the test samples say of a network's metrics, with the uncertainty.

They are worked out where torch is loaded anyway, so that the step that writes the report does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING

from nasflow.delivery.comparing import measured
from nasflow.delivery.statistics import Interval, bootstrap_intervals, correct, wilson
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DOCUMENT = "intervals"
_RESAMPLES = 200


def keep_intervals(plan: Plan, records: SearchRecords, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
    """Work out the intervals of networks and keep them with the search; those kept before go.

    Args:
        plan: The search.
        records: Its part of the store.
        probabilities: For the test samples, float32 (N, outputs), by trial id.
    """
    found = {name: intervals(plan, answer) for name, answer in probabilities.items()}
    trials = {name: {metric: astuple(i) for metric, i in by_metric.items()} for name, by_metric in found.items()}
    records.write(_DOCUMENT, {"trials": trials})


def known_intervals(
    plan: Plan, records: SearchRecords, trial_id: str, probabilities: NDArray[np.float32]
) -> dict[str, Interval]:
    """Return the intervals of a network by metric, as they were kept, or else from its probabilities."""
    document = records.read(_DOCUMENT) or {"trials": {}}
    kept = document["trials"].get(trial_id)
    if kept is None:
        return intervals(plan, probabilities)
    return {metric: Interval(*limits) for metric, limits in kept.items()}


def intervals(plan: Plan, probabilities: NDArray[np.float32]) -> dict[str, Interval]:
    """Return each of the task's metrics on the test samples: accuracy's limits are exact, the others' by bootstrap.

    Args:
        plan: The search.
        probabilities: For the test samples, float32 (N, outputs).
    """
    import numpy as np

    targets = np.asarray(plan.bundle.targets("test"))
    evaluate = measured(plan.task, probabilities, targets)
    found = bootstrap_intervals(evaluate, len(targets), plan.config.seed, _RESAMPLES)
    if "accuracy" in found:
        found["accuracy"] = wilson(int(correct(probabilities, targets).sum()), len(targets))
    return found
