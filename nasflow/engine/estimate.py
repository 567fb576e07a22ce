"""How long a search will take, from seconds of measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from nasflow.config import SearchConfig
from nasflow.engine.decoding import preparation_seconds
from nasflow.engine.door import Outlook
from nasflow.engine.pace import FORWARD_SHARE, Timing, load_of, makespan, shrinking, slowness
from nasflow.engine.pacing import Layout, measure_pace
from nasflow.engine.plan import Plan, final_config, trial_fidelity
from nasflow.engine.records import SearchRecords
from nasflow.engine.rehearsal import Rehearsal, rehearse
from nasflow.engine.speeds import DELIVERY_SECONDS, STARTING_SECONDS, STEP_SECONDS, Knowledge, Speeds, kept_training
from nasflow.spaces import Architecture, NetworkIO, cost_of
from nasflow.strategies import Problem
from nasflow.strategies.loading import load_strategy
from nasflow.tasks.loading import load_task
from nasflow.trials import History

MEASURED = 6
"""Networks that are trained for seconds, from small to large."""

BEGINNING_SECONDS = 4.0
"""From the command to the first step of the pipeline, but for the data."""

_ROUND_STEPS = 2


@dataclass(frozen=True)
class Estimate:
    """How long a search will take, in seconds.

    Attributes:
        preparation: Of the data, and until the first trial begins; None where the data are to be downloaded first.
        search: The trials.
        finals: The full trainings, and the test.
        delivery: Export, report and registration.
        trials: Trials that have no result yet.
        finalists: Networks that are still to be trained in full, the reference not counted.
        reference_kept: Whether the training of the reference network is kept in the store already.
        limit: What `budget.hours` allows, or None.
    """

    preparation: float | None
    search: float
    finals: float
    delivery: float
    trials: int
    finalists: int
    reference_kept: bool
    limit: float | None

    @property
    def whole(self) -> float:
        """Everything that is known, as if there were no limit."""
        return (self.preparation or 0.0) + self.search + self.finals + self.delivery


@dataclass(frozen=True)
class Begun:
    """What is known of a search whose data are prepared.

    Attributes:
        plan: The search.
        records: Its part of the store.
    """

    plan: Plan
    records: SearchRecords


def estimate(config: SearchConfig, base: Path, outlook: Outlook, begun: Begun | None) -> Estimate:
    """Return how long a search will take on this machine; takes up to 15 seconds, and writes nothing.

    Args:
        config: The search.
        base: Folder that relative data paths start at.
        outlook: Its data and space.
        begun: What is known where its data are prepared already.

    Raises:
        SearchError: Nothing can be trained here.
        DataError: The data cannot be read.
    """
    task = load_task(config)
    reference = task.reference(outlook.space.io)
    history = begun.records.history() if begun else History()
    rehearsal = _rehearsed(config, outlook, begun, history, float(cost_of(reference, outlook.space.io).flops))
    counts = _counts(config, outlook, begun)
    layout = Layout(
        config,
        final_config(config),
        outlook.summary,
        outlook.space.io,
        trial_fidelity(config).samples(counts["train"]),
        counts["val"],
    )
    preparation = 0.2 if begun else preparation_seconds(outlook.found)
    pace = measure_pace(layout, _spread(rehearsal, outlook.space.io) or [reference], reference)
    known = Speeds.of(begun.plan, begun.records, history).known if begun else {}
    knowledge = Knowledge(pace, known, reference.id)
    kept = begun is not None and kept_training(begun.plan, begun.records, reference) is not None
    finalists = [
        one for one in rehearsal.finalists if begun is None or kept_training(begun.plan, begun.records, one) is None
    ]
    reading = _Reading(layout, counts, knowledge)
    slow = slowness(pace.startup)
    return Estimate(
        preparation=None if preparation is None else preparation + BEGINNING_SECONDS * slow,
        search=reading.search_seconds(rehearsal),
        finals=reading.finals_seconds([*finalists, *([] if kept else [reference])]) + STARTING_SECONDS * slow,
        delivery=DELIVERY_SECONDS * slow,
        trials=rehearsal.left,
        finalists=len(finalists),
        reference_kept=kept,
        limit=None if config.budget.hours is None else 3600 * config.budget.hours,
    )


def _rehearsed(
    config: SearchConfig, outlook: Outlook, begun: Begun | None, history: History, usual_flops: float
) -> Rehearsal:
    fidelity = trial_fidelity(config)
    problem = Problem(outlook.space, outlook.objectives, fidelity, config.budget.trials, config.seed)
    if begun is not None:
        batches = begun.records.batches()
        problem = begun.plan.problem(batches[-1].state if batches else None)
    return rehearse(
        problem,
        load_strategy(config.strategy.name, config.strategy.options),
        history,
        round_size=config.parallelism.round_size,
        candidates=config.final.candidates,
        usual_flops=usual_flops,
    )


def _counts(config: SearchConfig, outlook: Outlook, begun: Begun | None) -> dict[str, int]:
    if begun is not None:
        return {str(split): count for split, count in begun.plan.bundle.counts.items()}
    total, shares = sum(outlook.summary.counts), config.data.shares.model_dump()
    return {split: max(2, round(share * total / sum(shares.values()))) for split, share in shares.items()}


def _spread(rehearsal: Rehearsal, io: NetworkIO) -> list[Architecture]:
    """Return networks from the smallest to the largest that are to be trained, evenly."""
    wanted = {one.id: one for one in [*(n for each in rehearsal.rounds for n in each), *rehearsal.finalists]}
    ordered = sorted(wanted.values(), key=lambda one: (cost_of(one, io).flops, one.id))
    if len(ordered) <= MEASURED:
        return ordered
    return [ordered[round((place + 0.5) / MEASURED * len(ordered) - 0.5)] for place in range(MEASURED)]


@dataclass(frozen=True)
class _Reading:
    """From how fast networks train to how long parts of the search take."""

    layout: Layout
    counts: dict[str, int]
    knowledge: Knowledge

    def search_seconds(self, rehearsal: Rehearsal) -> float:
        config, pace = self.layout.config, self.knowledge.pace
        epochs = config.fidelity.epochs
        a_round = pace.startup + _ROUND_STEPS * STEP_SECONDS * pace.slowness
        rounds = [
            a_round + makespan([self._seconds(one, epochs, self.layout.train) for one in each], config.workers)
            for each in rehearsal.rounds
        ]
        gone_through = sum(len(each) for each in rehearsal.rounds)
        return sum(rounds) * (rehearsal.left / gone_through if gone_through else 1.0)

    def finals_seconds(self, networks: Sequence[Architecture]) -> float:
        epochs, pace = self.layout.config.final_epochs, self.knowledge.pace
        seconds = [self._seconds(one, epochs, self.counts["train"], pace.final_scale) for one in networks]
        tested = 2 * self.counts["test"] * FORWARD_SHARE
        usual = fmean(timing.sample_seconds for timing in pace.networks)
        return makespan(seconds, self.layout.final_config.workers) + tested * usual

    def _seconds(self, architecture: Architecture, epochs: int, samples: int, scale: float = 1.0) -> float:
        recipe = self.layout.config.training.with_choices(architecture.recipe)
        share = shrinking(recipe, self.layout.shape.size, epochs)
        return self._timing(architecture).seconds(epochs, scale * load_of(samples, self.counts["val"], share))

    def _timing(self, architecture: Architecture) -> Timing:
        return self.knowledge.timing(architecture, cost_of(architecture, self.layout.io).flops)
