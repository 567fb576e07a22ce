"""Training a set of trials for a search: the pool, its failures, MLflow and the live view wired together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace

from nasflow.engine.live import LiveView, together
from nasflow.engine.measurements import Measurements
from nasflow.engine.plan import Plan
from nasflow.engine.records import RETRIED_ACROSS_SEARCHES, SearchRecords
from nasflow.engine.request import Request
from nasflow.engine.telling import logged
from nasflow.objectives.loading import cheap_rejection, measured_rejection
from nasflow.spaces import SearchSpace, known_cost
from nasflow.tracking import Kind, Tracker, tracking_target
from nasflow.training.events import EpochFinished, Event, TrialFinished, TrialStarted
from nasflow.training.failures import failure_of
from nasflow.training.job import TrainingJob
from nasflow.training.pool import run_trials
from nasflow.trials import Status, Trial, TrialResult

Listener = Callable[[Event], None]

_CLOSING_SECONDS = 5.0
"""How long a step waits at its end for an MLflow that answers slowly; one that is away is waited for no longer than its
refusal takes. What is missing then is written by the next step that trains, or at the end of the search."""


@contextmanager
def open_tracker(plan: Plan, records: SearchRecords) -> Iterator[Tracker]:
    """Yield the tracker of a search; MLflow is not touched before something is said."""
    with tracker_of(plan.request, plan.space, records, {"data_fingerprint": plan.bundle.fingerprint}) as tracker:
        yield tracker


@contextmanager
def tracker_of(
    request: Request, space: SearchSpace, records: SearchRecords, params: Mapping[str, str]
) -> Iterator[Tracker]:
    """Yield the tracker of a search by what is known of it without its data; MLflow is not touched before it is used.

    Args:
        request: What was asked for.
        space: The networks that may be proposed.
        records: Its part of the store.
        params: More parameters of the parent run.
    """
    config = request.config
    known = {
        "strategy": config.strategy.name,
        "family": space.family,
        "space_size": str(space.size),
        "task": config.task.name,
        "data": config.data.source,
        **params,
        "trial_epochs": str(config.fidelity.epochs),
        "final_epochs": str(config.final_epochs),
        "round_size": str(config.parallelism.round_size),
        "seed": str(config.seed),
        "generation": str(request.generation),
        "device_kind": request.device_kind,
    }
    target = tracking_target(config, records.store)
    tracker = Tracker(target, records.store, records.search_id, config.name, known)
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
    *,
    task: str,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[TrialResult]:
    """Train what has no result yet, and return the results in the order given: of all, unless it was stopped.

    The failure of a trial stands for its search; a full training that failed by bad luck is tried again, without limit
    of time.

    Args:
        plan: The search.
        records: Its part of the store.
        trials: What to train, each with its `kinds` in the same place.
        kinds: `trial`, `final` or `reference`; all but `trial` keep their weights in any case and are never rejected.
        tracker: Where the runs go.
        task: Name of this task, unique within the search.
        listener: Told of every event as well.
        stop: Whether to train no further; what has no result then is left as it is.
    """
    full = any(kind != "trial" for kind in kinds)
    job = _job(plan, full)
    desk = _Desk(plan, records, {t.id: (t, kind) for t, kind in zip(trials, kinds, strict=True)}, tracker)
    live = LiveView(records, task)
    tell = together(desk.note, live, logged, *([listener] if listener else []))

    def listen(event: Event) -> None:
        if isinstance(event, TrialFinished):
            event = replace(event, result=records.completed(event.trial, event.result))
        tell(event)

    settled = {trial.id: result for trial in trials if (result := desk.settled(trial)) is not None}
    if full:
        # Where the time was over before the search could, nothing is known of what it chose.
        Measurements(plan, records, job).measure([trial.architecture for trial in trials])
    else:
        settled |= desk.measured([trial for trial in trials if trial.id not in settled], job)
    try:
        for trial in trials:
            if trial.id in settled:
                listen(TrialFinished(trial, settled[trial.id], reused=True))
        open_trials = [trial for trial in trials if trial.id not in settled]
        found = run_trials(open_trials, job, listen, retry=RETRIED_ACROSS_SEARCHES, weights=full, stop=stop)
    finally:
        live.close()
    results = settled | {result.trial_id: result for result in found}
    return [records.completed(trial, results[trial.id]) for trial in trials if trial.id in results]


class _Desk:
    """What one task knows of its trainings, and whom it tells."""

    def __init__(
        self, plan: Plan, records: SearchRecords, trainings: Mapping[str, tuple[Trial, Kind]], tracker: Tracker
    ) -> None:
        self._plan, self._records, self._tracker = plan, records, tracker
        self._trainings = trainings
        self._started_at = records.started_at

    def settled(self, trial: Trial) -> TrialResult | None:
        """Return the verdict that stands without the pool: a failure, or a rejection."""
        if self._trainings[trial.id][1] != "trial":
            return None
        known = self._records.result(trial, self._started_at)
        if known is not None and known.status is not Status.COMPLETED:
            return known
        failure = failure_of(lambda: self._plan.cost(trial.architecture))
        if failure is not None:
            return self._verdict(trial, *failure)
        cause = cheap_rejection(self._plan.objectives, self._plan.cost(trial.architecture))
        return self._verdict(trial, Status.REJECTED, cause) if cause is not None else None

    def measured(self, trials: Sequence[Trial], job: TrainingJob) -> dict[str, TrialResult]:
        """Measure networks, and return the verdicts on those that fail in it, or that are out of the bounds then."""
        measurements = Measurements(self._plan, self._records, job)
        if not (trials and measurements.objectives):
            return {}
        failures = measurements.measure([trial.architecture for trial in trials])
        reference = measurements.values(self._plan.reference)
        verdicts = {}
        for trial in trials:
            failure = failures.get(trial.architecture.id)
            if failure is not None:
                verdicts[trial.id] = self._verdict(trial, failure.status, failure.cause)
                continue
            values = measurements.values(trial.architecture)
            cause = measured_rejection(self._plan.objectives, values, reference)
            if cause is not None:
                verdicts[trial.id] = self._verdict(trial, Status.REJECTED, cause)
        return verdicts

    def _verdict(self, trial: Trial, status: Status, cause: str) -> TrialResult:
        cost, now = known_cost(lambda: self._plan.cost(trial.architecture)), time.time()
        metrics = asdict(cost) if cost is not None else {}
        verdict = TrialResult(trial.id, status, metrics, cause=cause, started_at=now, finished_at=now)
        return self._records.keep_verdict(verdict)

    def note(self, event: Event) -> None:
        """Pass an event on to MLflow, and let a trial's failure stand."""
        match event:
            case TrialStarted():
                self._tracker.started(*self._trainings[event.trial_id])
            case EpochFinished():
                self._tracker.epoch(*self._trainings[event.trial_id], event.point)
            case TrialFinished():
                trial, kind = self._trainings[event.trial.id]
                if event.result.status.failed and kind == "trial":
                    self._records.keep_verdict(event.result)
                reused = event.reused and event.result.finished_at < self._started_at
                self._tracker.finished(trial, kind, event.result, reused)


def _job(plan: Plan, full: bool) -> TrainingJob:
    """Return the job of a task; full trainings keep their weights and have all the time they need."""
    config = plan.final_config if full else plan.config
    return TrainingJob(
        config, plan.bundle.root, config.storage.url, full or config.storage.keep != "none", plan.request.device_kind
    )
