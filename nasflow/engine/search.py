"""The search loop in this process: the same functions that the pipeline's components call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice

from nasflow.engine.concluding import missed
from nasflow.engine.hours import SearchClock, keep_pace
from nasflow.engine.live import together
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.rounds import check_failures, propose_round
from nasflow.engine.trialling import Listener, train_trials
from nasflow.errors import SearchError
from nasflow.objectives import ranked
from nasflow.objectives.loading import cheap_rejection
from nasflow.tracking import Kind, Tracker
from nasflow.training.events import Event, TrialFinished, TrialStarted
from nasflow.trials import Entry, History, Trial, TrialResult


def run_rounds(
    plan: Plan,
    records: SearchRecords,
    tracker: Tracker,
    listener: Listener | None = None,
    *,
    first: int = 0,
    steps_left: int = 0,
) -> History:
    """Run every round of the budget and return the history.

    Args:
        plan: The search.
        records: Its part of the store.
        tracker: Where the runs go.
        listener: Told of every training event.
        first: The round to begin with; those before it are over.
        steps_left: Steps of the pipeline that come between this one and full training.

    Raises:
        SearchError: Too many trials failed, or the strategy finds nothing to propose.
    """
    clock = SearchClock(plan, records, steps_left)
    for number in range(first, plan.config.rounds):
        trials = [t for shard in propose_round(plan, records, number, clock).shards for t in shard]
        if not trials:
            break  # none of the rounds to come would have any
        train_round(plan, records, trials, tracker, task=f"round-{number}", listener=listener, clock=clock)
    return records.history()


def train_round(
    plan: Plan,
    records: SearchRecords,
    trials: Sequence[Trial],
    tracker: Tracker,
    *,
    task: str,
    clock: SearchClock,
    listener: Listener | None = None,
) -> list[TrialResult]:
    """Train trials of a round until all have a result, or the search has no more time; return the results.

    A trial that is left without one stays proposed, and is trained first when the search goes on.

    Args:
        plan: The search.
        records: Its part of the store.
        trials: The trials.
        tracker: Where the runs go.
        task: Name of this task, unique within the search.
        clock: Tells when the time is over.
        listener: Told of every training event.
    """
    if clock.over():
        return []
    measured = keep_pace(plan, records, [trial.architecture for trial in trials])
    # What is measured on the networks before training takes its time, and is no slow start.
    quick = not any(objective.measured for objective in plan.objectives)
    cold, clock.cold = clock.cold and not measured and quick, False
    clock.look()
    began = time.monotonic()
    told: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, TrialStarted) and cold and not told and plan.deadline is not None:
            told.append(time.monotonic() - began)
            records.write("startup", {"schema_version": 1, "seconds": told[0]})
        if isinstance(event, TrialFinished):
            clock.look()

    both = together(listen, listener) if listener is not None else listen
    kinds: list[Kind] = ["trial"] * len(trials)
    present = {trial.id for trial in trials}
    tracker.catch_up(lambda known: missed(records, present, known))
    return train_trials(plan, records, trials, kinds, tracker, task=task, listener=both, stop=clock.over)


def select(plan: Plan, history: History) -> list[Entry]:
    """Return the candidates for full training: the best of the search on validation, best first.

    Where the time was over before any trial was, it is the first network that was proposed.

    Raises:
        SearchError: Too many trials failed, or none has what was asked for.
    """
    check_failures(history, plan.config.budget.failure_limit)
    best = ranked(plan.objectives, history)[: plan.config.final.candidates]
    if not best and plan.deadline is not None:
        untried = (entry for entry in history if entry.result is None)
        costs = ((entry, plan.space.known_cost(entry.trial.architecture)) for entry in untried)
        allowed = (e for e, cost in costs if cost is not None and cheap_rejection(plan.objectives, cost) is None)
        best = list(islice(allowed, 1))
    if not best:
        bounds = ", ".join(f"{o.name} {o.limits}" for o in plan.objectives if o.limits) or "none were asked"
        raise SearchError(
            f"none of {len(history)} trials completed within the bounds ({bounds}), {len(history.failed)} failed; "
            f"raise budget.trials, widen the bounds, or see the causes with 'nasflow show'."
        )
    return best
