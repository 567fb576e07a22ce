"""How long a search that is under way still takes, by what its trials have taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from nasflow.engine.live import Running
from nasflow.engine.pace import load_of, makespan
from nasflow.engine.plan import Known, final_config, trial_fidelity
from nasflow.objectives import ranked
from nasflow.trials import Entry, History, TrialResult

_LATEST = 16
"""Trials by which the next ones are judged: a strategy may come to larger networks."""


@dataclass(frozen=True)
class Progress:
    """Where a search is.

    Attributes:
        search: What is known of it.
        history: Its trials.
        finals: Its full trainings, once they are laid down; the reference last.
        running: What is under way.
        trials: Trials that it will have in the end.
        counts: Samples of each split, where known.
    """

    search: Known
    history: History
    finals: Sequence[Entry]
    running: Sequence[Running]
    trials: int
    counts: Mapping[str, int] | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds of training left; None where nothing is known to go by, or nothing is left to train."""
        done = [e.result for e in self.history if e.result is not None and e.result.curve]
        if not done:
            return None
        config = self.search.config
        usual = fmean(_epoch_seconds(result) for result in done[-_LATEST:])
        left = self._epochs_left() * usual / config.workers
        full = makespan(list(self._full_seconds(usual)), final_config(config).workers)
        return left + full if left + full > 0 else None

    def _epochs_left(self) -> float:
        """Return the epochs that trials have still to come; none once full training has begun."""
        if self.finals:
            return 0.0
        epochs = self.search.config.fidelity.epochs
        open_trials = self.trials - sum(e.result is not None for e in self.history)
        under_way = {entry.trial.id for entry in self.history if entry.result is None}
        begun = sum(one.epoch for one in self.running if one.trial_id in under_way)
        return max(0.0, open_trials * epochs - begun)

    def _full_seconds(self, usual: float) -> list[float]:
        config, scale = self.search.config, self._scale()
        timed = {e.trial.architecture.id: _epoch_seconds(e.result) for e in self.history if e.result and e.result.curve}
        if self.finals:
            epochs = {one.trial_id: one.epoch for one in self.running}
            waiting = [entry.trial for entry in self.finals if entry.result is None]
            return [
                (trial.fidelity.epochs - epochs.get(trial.id, 0)) * scale * timed.get(trial.architecture.id, usual)
                for trial in waiting
            ]
        best = ranked(self.search.objectives, self.history)[: config.final.candidates]
        seconds = [timed.get(entry.trial.architecture.id, usual) for entry in best]
        seconds += [usual] * (config.final.candidates + 1 - len(seconds))  # the reference among them
        return [config.final_epochs * scale * one for one in seconds]

    def _scale(self) -> float:
        """Return how many times the work of a trial's epoch a full training's epoch is."""
        fidelity = trial_fidelity(self.search.config)
        if self.counts is None:
            return 1 / fidelity.data_fraction
        train, val = self.counts["train"], self.counts["val"]
        return load_of(train, val) / load_of(fidelity.samples(train), val)


def _epoch_seconds(result: TrialResult) -> float:
    return result.metrics.get("train_seconds", 0.0) / max(1, len(result.curve))
