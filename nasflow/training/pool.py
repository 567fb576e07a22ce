"""Training many trials in a warm pool of worker processes, whatever becomes of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from nasflow.data.bundle import DataBundle
from nasflow.spaces import NetworkCost, cost_of
from nasflow.storage import open_store
from nasflow.tasks.loading import load_task
from nasflow.training.crew import Crew
from nasflow.training.events import Event, TrialFinished
from nasflow.training.failures import failure_of
from nasflow.training.job import TrainingJob
from nasflow.training.launching import borrowed, release, warm_up
from nasflow.training.results import record, standing
from nasflow.trials import Status, Trial, TrialResult

__all__ = ["release", "run_trials", "warm_up"]


def run_trials(
    trials: Sequence[Trial],
    job: TrainingJob,
    on_event: Callable[[Event], None],
    *,
    retry: Collection[Status] = frozenset(),
    weights: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> list[TrialResult]:
    """Train trials and return their results in the same order; where it was stopped, of those that have one.

    A trial that has a result in the store is not trained again. Every other one ends with a result in the store: a
    failure is recorded with its cause, and the rest goes on. The longest trial (FLOPs × epochs) starts first; neither
    the order nor the number of workers changes a result. Where the caller is stopped or dies, the workers end with it,
    and the same call again goes on from the last epochs; `budget.trial_seconds` counts anew then.

    Args:
        trials: What to train; a trial that comes twice is trained once.
        job: What they have in common.
        on_event: Told of everything, in the calling thread; the events of one trial come in order.
        retry: Failures in the store that do not stand.
        weights: Whether a completed trial is trained again where the job keeps weights and its own are gone.
        stop: Whether to train no further, asked several times a second; trials under way are left at their last epoch.

    Raises:
        StorageError: A result or checkpoint cannot be read or written.
        SearchError: Worker processes cannot be started.
        PluginError: The task or the family is unknown.
    """
    store = open_store(job.store_url)
    results: dict[str, TrialResult] = {}

    costs, open_trials = Costs(job), []

    def finish(trial: Trial, result: TrialResult, reused: bool = False) -> None:
        results[trial.id] = result
        on_event(TrialFinished(trial, result, reused))

    for trial in {trial.id: trial for trial in trials}.values():
        known = standing(store, trial.id, job.keep_weights and weights, retry)
        if known is not None:
            finish(trial, known, reused=True)
            continue
        refused = costs.refusal(trial)
        if refused is not None:
            finish(trial, record(store, refused, keep_weights=False))
        else:
            open_trials.append(trial)
    if open_trials:
        with borrowed(job.config) as launcher:
            crew = Crew(job, store, launcher, cost=costs.metrics, on_event=on_event, finish=finish, stop=stop)
            crew.run(sorted(open_trials, key=costs.work, reverse=True))
    return [results[trial.id] for trial in trials if trial.id in results]


class Costs:
    """What the networks of trials cost.

    Args:
        job: Data and task.
    """

    def __init__(self, job: TrainingJob) -> None:
        self._job = job
        self._known: dict[str, NetworkCost] = {}

    def of(self, trial: Trial) -> NetworkCost:
        """Return parameters and FLOPs."""
        if not self._known:
            self._io = load_task(self._job.config).io(DataBundle.open(self._job.bundle, verify=False))
        architecture = trial.architecture
        if architecture.id not in self._known:
            self._known[architecture.id] = cost_of(architecture, self._io)
        return self._known[architecture.id]

    def refusal(self, trial: Trial) -> TrialResult | None:
        """Return a failed result where the family cannot tell the cost, else None."""
        failure = failure_of(lambda: self.of(trial))
        if failure is None:
            return None
        now = time.time()
        return TrialResult(trial.id, failure[0], cause=failure[1], started_at=now, finished_at=now)

    def metrics(self, trial: Trial) -> dict[str, float]:
        """Return the cost as it stands in a result."""
        cost = self.of(trial)
        return {"parameters": cost.parameters, "flops": cost.flops}

    def work(self, trial: Trial) -> float:
        """Return a number that grows with the time a trial takes; it is not measured, so that the order repeats."""
        return self.of(trial).flops * trial.fidelity.epochs * trial.fidelity.data_fraction
