"""One round: asking the strategy for what is missing, within the budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from nasflow.config import SearchConfig
from nasflow.engine.goals import goal_note, goal_round
from nasflow.engine.hours import SearchClock, closed
from nasflow.engine.plan import Plan
from nasflow.engine.records import Batch, SearchRecords
from nasflow.engine.refreshes import first_proposals
from nasflow.engine.shards import cut
from nasflow.errors import SearchError
from nasflow.spaces import known_cost
from nasflow.strategies import Proposal
from nasflow.strategies.loading import checked_proposal
from nasflow.trials import Entry, History, Trial

UNROLLED_ROUNDS = 8
"""Most rounds that are steps of the pipeline where time limits the search: nobody knows how many there is time for, and
steps with nothing to do cost time as well; one more step does the rounds that are left."""

SECONDS_A_ROUND = 120.0
"""Of the time, for which one round is a step of the pipeline."""


@dataclass(frozen=True)
class Round:
    """The trials of one round.

    Attributes:
        number: From 0.
        trials: In the order proposed; empty once the space, the budget or the time is used up, or the goal reached.
        shards: The same trials, cut for tasks.
        note: A sentence for the user, or empty: why it is empty, or what the strategy says.
    """

    number: int
    trials: tuple[Trial, ...]
    shards: tuple[tuple[Trial, ...], ...]
    note: str


def propose_round(plan: Plan, records: SearchRecords, number: int, clock: SearchClock | None = None) -> Round:
    """Return a round, asking the strategy only for trials that no earlier call was given.

    Args:
        plan: The search.
        records: Its part of the store.
        number: Which round, from 0; the rounds before it are finished, unless the time was over.
        clock: Tells whether there is time for another one; the first round is proposed in any case.

    Raises:
        SearchError: Too many trials have failed, an earlier trial has no result, or there is nothing to propose.
        StrategyError: The strategy broke its contract.
    """
    if over := _over(plan, records, number, clock):
        return Round(number, (), ((),), over)
    size = plan.config.parallelism.round_size
    first, last = number * size, min((number + 1) * size, plan.config.budget.trials)
    batches = records.batches()
    known = [trial for batch in batches for trial in batch.trials]
    if len(known) < last and not (batches and batches[-1].exhausted):
        history = records.history()
        check_failures(history, plan.config.budget.failure_limit)
        _check_finished(history, first)
        # A round that a smaller budget cut short is filled up as if none of it were trained: how far it is when the
        # budget is raised must not matter.
        history = History(Entry(e.trial, e.result if n < first else None) for n, e in enumerate(history))
        batch = records.add_batch(_ask(plan, records, history, batches, last - len(known)))
        batches.append(batch)
        known += batch.trials
    if not known:
        raise SearchError(f"the strategy '{plan.config.strategy.name}' found nothing to propose. {batches[-1].note}")
    trials = tuple(known[first:last])
    shards = cut(trials, plan.config.parallelism.shard_size or size, lambda trial: work(plan, trial))
    return Round(number, trials, tuple(tuple(shard) for shard in shards), batches[-1].note if batches else "")


def unrolled_rounds(config: SearchConfig) -> int:
    """Return how many rounds are steps of the pipeline."""
    if config.budget.hours is None:
        return config.rounds
    return min(config.rounds, UNROLLED_ROUNDS, max(1, int(3600 * config.budget.hours / SECONDS_A_ROUND)))


def steps_after(config: SearchConfig, number: int) -> int:
    """Return how many steps of the pipeline come between a round and full training.

    Args:
        config: The search.
        number: Which round, from 0.
    """
    rounds = unrolled_rounds(config)
    return 2 * max(0, rounds - 1 - number) + (2 if config.rounds > rounds else 1)


def _over(plan: Plan, records: SearchRecords, number: int, clock: SearchClock | None) -> str:
    """Return why the search has ended before a round, or an empty text where it has not.

    The goal is looked for in the rounds before: what is known of later ones, from a run that had another goal, must not
    matter.
    """
    size = plan.config.parallelism.round_size
    if number and any(objective.stop_at is not None for objective in plan.objectives):
        before = History(records.history().entries[: number * size])
        if goal_round(plan.objectives, before, size) is not None:
            return goal_note(plan.objectives, before, size)
    if plan.deadline is None:
        return ""
    left = number and any(entry.result is None for entry in records.history().entries[: number * size])
    if left or closed(plan, records) or (number and clock is not None and clock.over()):
        return "The time of budget.hours that is left is needed for full training."
    return ""


def work(plan: Plan, trial: Trial) -> float:
    """Return the expected work of a trial: FLOPs of one sample times epochs times share of the data.

    It is 0 where the family fails to tell the cost: the trial will fail at once.
    """
    cost = known_cost(lambda: plan.cost(trial.architecture))
    return cost.flops * trial.fidelity.epochs * trial.fidelity.data_fraction if cost is not None else 0.0


def check_failures(history: History, limit: int) -> None:
    """Stop a search that only fails.

    Raises:
        SearchError: More trials failed than the limit; the causes are counted.
    """
    failed = history.failed
    if len(failed) <= limit:
        return
    causes = Counter(str(result.status) for result in failed)
    counted = ", ".join(f"{count} {cause}" for cause, count in causes.most_common())
    common = Counter(result.cause for result in failed).most_common(1)[0][0]
    raise SearchError(
        f"{len(failed)} of {len(history)} trials failed ({counted}), more than budget.max_failed_trials ({limit}) "
        f"allows. The most frequent cause: {common} Mend it, or raise the limit, and run the same command again."
    )


def _check_finished(history: History, before: int) -> None:
    open_trials = [e.trial.id for e in history.entries[:before] if e.result is None]
    if open_trials:
        raise SearchError(
            f"{len(open_trials)} trials of earlier rounds have no result (the first is {open_trials[0]}); "
            f"run the same command again to train them."
        )


def _ask(plan: Plan, records: SearchRecords, history: History, batches: list[Batch], count: int) -> Batch:
    """Ask for the next trials: what a refresh begins with, and then the strategy, which sees those as under way."""
    state = batches[-1].state if batches else None
    problem = plan.problem(state)
    first = first_proposals(plan.request.refresh, problem, history, records.store)[:count]
    seen = History([*history, *(Entry(plan.trial(candidate), None) for candidate in first)])
    proposal, rest = Proposal((), state), count - len(first)
    if rest:
        proposal = checked_proposal(problem, seen, rest, plan.strategy.propose(problem, seen, rest))
    trials = tuple(plan.trial(candidate) for candidate in (*first, *proposal.candidates))
    return Batch(len(history), trials, len(trials) < count, proposal.state, proposal.note)
