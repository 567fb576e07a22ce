"""Keeping to `budget.hours`: when the search has to end, and how long full trainings may be.

The hours count from the beginning of a run. What comes after the search is known from what was measured of it: its own
trials give the speed of the finalists, a probe at its beginning that of the reference network, and the time that its
last task took to start says how much slower than usual this machine starts the steps of the delivery.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice

from nasflow.engine.pacing import Layout, measure_pace
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import extent_asked
from nasflow.engine.speeds import Speeds, kept_training
from nasflow.errors import SearchError
from nasflow.objectives import ranked
from nasflow.spaces import Architecture
from nasflow.trials import History

FINALS_SHARE = 0.6
"""Largest share of the hours, but for the delivery, that is kept for full trainings."""

PACE_NETWORKS = 3
_PACE_SECONDS = 6.0
_MARGIN = 1.05

Clock = Callable[[], float]


class SearchClock:
    """Tells when the search has to end, so that everything else is done in time; it never does without a deadline.

    Args:
        plan: The search.
        records: Its part of the store.
        steps_left: Steps of the pipeline that are still to come before full training; 0 where the search runs in one
            process.
        clock: Unix seconds.

    Attributes:
        end: Unix seconds at which the search has to end.
        cold: Whether this process has trained nothing yet, so that the start of its workers takes its time.
    """

    def __init__(self, plan: Plan, records: SearchRecords, steps_left: int = 0, clock: Clock = time.time) -> None:
        self._plan, self._records, self._steps_left, self._clock = plan, records, steps_left, clock
        self.end = float("inf")
        self.cold = True
        self.look()

    def look(self) -> None:
        """Find out when the search has to end, by the trials that have a result now."""
        deadline, hours = self._plan.deadline, self._plan.config.budget.hours
        if deadline is None or hours is None:
            return
        history = self._records.history()
        speeds = Speeds.of(self._plan, self._records, history)
        finalists = likely_finalists(self._plan, self._records, history)
        rest = speeds.delivery_seconds(self._steps_left)
        epochs = fitting_epochs(speeds, finalists, FINALS_SHARE * (3600 * hours - rest))
        self.end = deadline - rest - _MARGIN * speeds.full_seconds(finalists, epochs)

    def over(self) -> bool:
        """Whether the search has to end now."""
        return self._clock() >= self.end


def likely_finalists(plan: Plan, records: SearchRecords, history: History) -> list[Architecture]:
    """Return the networks that would be trained in full now: the best, and the reference unless its training is kept.

    Where no trial is over yet, the first ones proposed stand for them, but those that their family fails at.
    """
    count = plan.config.final.candidates
    best = [entry.trial.architecture for entry in ranked(plan.objectives, history)[:count]]
    proposed = [entry.trial.architecture for entry in history]
    able = (one for one in proposed if one not in best and plan.space.known_cost(one) is not None)
    best += islice(able, count - len(best))
    wanted = [one for one in best if kept_training(plan, records, one) is None]
    return wanted + ([] if kept_training(plan, records, plan.reference) else [plan.reference])


def closed(plan: Plan, records: SearchRecords) -> bool:
    """Whether the search of a run with a deadline is over for good, since its full trainings have been laid down."""
    finals = records.read("finals") if plan.deadline is not None else None
    return finals is not None and finals["extent"] == extent_asked(plan.config)


def final_epochs(
    plan: Plan, records: SearchRecords, architectures: Sequence[Architecture], clock: Clock = time.time
) -> int:
    """Return how many epochs full trainings get: as many as there is time for, at least one, at most those asked for.

    Args:
        plan: The search.
        records: Its part of the store.
        architectures: What is trained in full.
        clock: Unix seconds.
    """
    if plan.deadline is None:
        return plan.config.final_epochs
    speeds = Speeds.of(plan, records, records.history())
    return fitting_epochs(speeds, architectures, plan.deadline - clock() - speeds.delivery_seconds(0))


def fitting_epochs(speeds: Speeds, architectures: Sequence[Architecture], seconds: float) -> int:
    """Return how many epochs of full training there is time for: at least one, at most those asked for.

    Args:
        speeds: What is known of the search.
        architectures: What is trained in full.
        seconds: The time for it.
    """
    if any(speeds.timing(architecture) is None for architecture in architectures):
        return 1  # nothing tells how long they take
    most = speeds.plan.config.final_epochs
    fitting = (n for n in range(most, 1, -1) if _MARGIN * speeds.full_seconds(architectures, n) <= seconds)
    return next(fitting, 1)


def keep_pace(plan: Plan, records: SearchRecords, networks: Sequence[Architecture], clock: Clock = time.time) -> bool:
    """Measure how fast networks train, once for a search with a deadline; not where that would take too much of it.

    Return whether it was measured now.

    Args:
        plan: The search.
        records: Its part of the store.
        networks: Some that it is about to train.
        clock: Unix seconds.
    """
    if plan.deadline is None or not networks or records.read("pace") is not None:
        return False
    if plan.deadline - clock() < 10 * _PACE_SECONDS:
        return False
    counts = plan.bundle.counts
    samples = plan.fidelity.samples(counts["train"])
    layout = Layout(plan.config, plan.final_config, plan.bundle, plan.space.io, samples, counts["val"])
    try:
        able = [network for network in networks if plan.space.known_cost(network) is not None]
        pace = measure_pace(layout, able[:PACE_NETWORKS], plan.reference, seconds=_PACE_SECONDS)
    except SearchError:
        return False  # a machine too slow to be measured in seconds: the search's own trials have to do
    records.write("pace", pace.to_json())
    return True
