"""Training a set of trials for a search: the pool, its failures, MLflow and the live view wired together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from nasflow.engine.live import LiveView, together
from nasflow.engine.plan import Plan
from nasflow.engine.records import RETRIED_ACROSS_SEARCHES, SearchRecords
from nasflow.objectives.loading import cheap_rejection
from nasflow.tracking import Kind, Tracker, tracking_target
from nasflow.training.events import EpochFinished, Event, TrialFinished, TrialStarted
from nasflow.training.job import TrainingJob
from nasflow.training.pool import run_trials
from nasflow.trials import Trial, TrialResult

Listener = Callable[[Event], None]

_CLOSING_SECONDS = 5.0
"""How long a step waits for MLflow at its end; what is missing then is written at the end of the search."""


@contextmanager
def open_tracker(plan: Plan, records: SearchRecords) -> Iterator[Tracker]:
    """Yield the tracker of a search; MLflow is not touched before something is said."""
    config = plan.config
    params = {
        "strategy": config.strategy.name,
        "family": plan.space.family,
        "space_size": str(plan.space.size),
        "task": config.task.name,
        "data": config.data.source,
        "data_fingerprint": plan.bundle.fingerprint,
        "trial_epochs": str(config.fidelity.epochs),
        "final_epochs": str(config.final_epochs),
        "round_size": str(config.parallelism.round_size),
        "seed": str(config.seed),
        "generation": str(plan.request.generation),
        "device_kind": plan.request.device_kind,
    }
    target = tracking_target(config, records.store)
    tracker = Tracker(target, records.store, plan.search_id, config.name, params)
    try:
        yield tracker
    finally:
        tracker.close(_CLOSING_SECONDS)


def train_trials(
    plan: Plan,
    records: SearchRecords,
    trials: Sequence[Trial],
    kinds: Sequence[Kind],
    tracker: Tracker,
    task: str,
    listener: Listener | None = None,
) -> list[TrialResult]:
    """Train what has no result yet, and return the results of all, in the order given.

    Args:
        plan: The search.
        records: Its part of the store.
        trials: What to train, each with its `kinds` in the same place.
        kinds: `trial`, `final` or `reference`; all but `trial` keep their weights and are never rejected.
        tracker: Where the runs go.
        task: Name of this task, unique within the search.
        listener: Told of every event as well.
    """
    kind_of = dict(zip((trial.id for trial in trials), kinds, strict=True))
    trial_of = {trial.id: trial for trial in trials}
    started_at = records.started_at
    standing = {trial.id: records.result(trial, started_at) for trial in trials}

    def track(event: Event) -> None:
        match event:
            case TrialStarted():
                tracker.started(trial_of[event.trial_id], kind_of[event.trial_id])
            case EpochFinished():
                tracker.epoch(trial_of[event.trial_id], kind_of[event.trial_id], event.point)
            case TrialFinished():
                if event.result.status.failed:
                    records.keep_failure(event.result)
                reused = event.reused and event.result.finished_at < started_at
                tracker.finished(event.trial, kind_of[event.trial.id], event.result, reused)

    def reject(trial: Trial) -> str | None:
        if kind_of[trial.id] != "trial":
            return None
        return cheap_rejection(plan.objectives, plan.cost(trial.architecture))

    live = LiveView(records, task)
    listen = together(track, live, *([listener] if listener else []))
    for trial in trials:
        result = standing[trial.id]
        if result is not None and result.status.failed:
            listen(TrialFinished(trial, result, reused=True))
    job = TrainingJob(
        plan.config, plan.bundle.root, plan.config.storage.url, keep_weights=any(kind != "trial" for kind in kinds)
    )
    open_trials = [t for t in trials if (known := standing[t.id]) is None or not known.status.failed]
    try:
        found = run_trials(open_trials, job, listen, reject=reject, retry=RETRIED_ACROSS_SEARCHES)
    finally:
        live.close()
    results = {result.trial_id: result for result in found}
    return [results.get(trial.id) or standing[trial.id] or _missing(trial) for trial in trials]


def _missing(trial: Trial) -> TrialResult:
    raise AssertionError(f"the pool gave no result for {trial.id}")
