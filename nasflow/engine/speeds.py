"""How long the trainings of a search take, and what follows them, by what is known of it so far."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median

from nasflow.engine.pace import FORWARD_SHARE, NORMAL_STARTUP, Pace, Timing, load_of, makespan, shrinking, slowness
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.steps import FOLDER
from nasflow.spaces import Architecture, known_cost
from nasflow.trials import History, Status, Trial, TrialResult

STEP_SECONDS = 0.45
"""What a step of the pipeline takes that does nothing, on this machine."""

CLUSTER_STEP_SECONDS = 15.0
"""What it takes on a cluster: two pods are started for it."""

STARTING_SECONDS = 4.5
"""What the beginning of full training takes: its step, the data, the workers."""

DELIVERY_SECONDS = 11.0
"""What export, report, registration and the completion of MLflow's runs take after the last training."""

DELIVERY_STEPS = 3


@dataclass(frozen=True)
class Knowledge:
    """What a probe measured, set right by the trials that a search has trained.

    Attributes:
        pace: What the probe measured.
        known: Timings of the search's own trials, by architecture.
        reference: Id of the reference network.
    """

    pace: Pace
    known: Mapping[str, Timing]
    reference: str

    @cached_property
    def drift(self) -> float:
        """How many times as long as the probe foretold the search's own trials have taken."""
        foretold = [(t.sample_seconds, self.pace.timing(t.flops).sample_seconds) for t in self.known.values()]
        return median(seconds / expected for seconds, expected in foretold) if foretold else 1.0

    def timing(self, architecture: Architecture, flops: float) -> Timing:
        """Return the timing of a network as the search trains it.

        Args:
            architecture: The network.
            flops: Of one sample.
        """
        if architecture.id in self.known:
            return self.known[architecture.id]
        found = self.pace.reference if architecture.id == self.reference else self.pace.timing(flops)
        return replace(found, sample_seconds=found.sample_seconds * self.drift)


@dataclass(frozen=True)
class Speeds:
    """What is known of how long the trainings of a search take.

    Attributes:
        plan: The search.
        pace: What the probe measured, or None.
        known: Timings of the search's own trials, by architecture.
        startup: Seconds until the first trial of the last task began.
    """

    plan: Plan
    pace: Pace | None
    known: dict[str, Timing]
    startup: float

    @classmethod
    def of(cls, plan: Plan, records: SearchRecords, history: History) -> Speeds:
        """Return what is known so far."""
        document, started = records.read("pace"), records.read("startup")
        pace = Pace.from_json(document) if document else None
        startup = started["seconds"] if started else pace.startup if pace else NORMAL_STARTUP
        known = {
            entry.trial.architecture.id: _timing(plan, entry.trial, entry.result)
            for entry in history
            if entry.result is not None and entry.result.curve and entry.result.status is Status.COMPLETED
        }
        return cls(plan, pace, known, startup)

    def timing(self, architecture: Architecture) -> Timing | None:
        """Return the timing of a network as the search trains it; None where nothing is known of any, or it fails."""
        if self.pace is not None:
            cost = known_cost(lambda: self.plan.cost(architecture))
            knowledge = Knowledge(self.pace, self.known, self.plan.reference.id)
            return knowledge.timing(architecture, cost.flops) if cost is not None else None
        if self.known:
            slowest = max(self.known.values(), key=lambda timing: timing.sample_seconds)
            return self.known.get(architecture.id, slowest)
        return None

    def full_seconds(self, architectures: Sequence[Architecture], epochs: int) -> float:
        """Return how long full trainings of so many epochs take, all together; 0 where nothing is known.

        Args:
            architectures: What is trained; the last ones wait for the first.
            epochs: Epochs of each.
        """
        scale = self.pace.final_scale if self.pace else 1.0
        seconds = [
            timing.seconds(epochs, scale * self._load(architecture, epochs))
            for architecture in architectures
            if (timing := self.timing(architecture)) is not None
        ]
        return makespan(seconds, self.plan.final_config.workers)

    def _load(self, architecture: Architecture, epochs: int) -> float:
        """Return the mean work of an epoch of a full training."""
        counts = self.plan.bundle.counts
        recipe = self.plan.config.training.with_choices(architecture.recipe)
        return load_of(counts["train"], counts["val"], shrinking(recipe, self.plan.bundle.size, epochs))

    def delivery_seconds(self, steps_left: int) -> float:
        """Return how long everything takes but the search and the full trainings.

        Args:
            steps_left: Steps of the pipeline that are still to come before full training.
        """
        slow = slowness(self.startup)
        step = STEP_SECONDS * slow if os.environ.get(FOLDER) else CLUSTER_STEP_SECONDS
        steps = steps_left * step if steps_left else 0.0
        if steps_left and not os.environ.get(FOLDER):
            steps += (DELIVERY_STEPS + 1) * step
        reference = self.timing(self.plan.reference)
        tested = 2 * self.plan.bundle.counts["test"] * FORWARD_SHARE
        testing = tested * reference.sample_seconds if reference else 0.0
        return slow * (STARTING_SECONDS + DELIVERY_SECONDS) + steps + testing


def _timing(plan: Plan, trial: Trial, result: TrialResult) -> Timing:
    counts, size = plan.bundle.counts, plan.bundle.size
    samples = trial.fidelity.samples(counts["train"])
    sides = [point.metrics.get("image_size", size) for point in result.curve]
    loads = [load_of(samples, counts["val"], (side / size) ** 2) for side in sides]
    flops = plan.cost(trial.architecture).flops
    return Timing.of(flops, result.curve, result.curve[0].started_at, loads)


def kept_training(plan: Plan, records: SearchRecords, architecture: Architecture) -> Trial | None:
    """Return the full training of a network with all its epochs, where its weights are in the store."""
    trial = plan.full_training(architecture)
    result = records.result(trial, 0.0)
    if result is None or result.status is not Status.COMPLETED or result.checkpoint is None:
        return None
    return trial if result.checkpoint in records.store.keys(result.checkpoint) else None
