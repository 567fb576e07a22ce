"""The search loop in this process: the same functions that the pipeline's components call."""

from __future__ import annotations

from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.rounds import check_failures, propose_round
from nasflow.engine.trialling import Listener, train_trials
from nasflow.errors import SearchError
from nasflow.objectives import ranked
from nasflow.tracking import Tracker
from nasflow.trials import Entry, History


def run_rounds(plan: Plan, records: SearchRecords, tracker: Tracker, listener: Listener | None = None) -> History:
    """Run every round of the budget and return the history.

    Raises:
        SearchError: Too many trials failed, or the strategy finds nothing to propose.
    """
    for number in range(plan.config.rounds):
        trials = [t for shard in propose_round(plan, records, number).shards for t in shard]
        train_trials(plan, records, trials, ["trial"] * len(trials), tracker, task=f"round-{number}", listener=listener)
    return records.history()


def select(plan: Plan, history: History) -> list[Entry]:
    """Return the candidates for full training: the best of the search on validation, best first.

    Raises:
        SearchError: Too many trials failed, or none has what was asked for.
    """
    check_failures(history, plan.config.budget.failure_limit)
    best = ranked(plan.objectives, history)[: plan.config.final.candidates]
    if not best:
        bounds = ", ".join(f"{o.name} {o.limits}" for o in plan.objectives if o.limits) or "none were asked"
        raise SearchError(
            f"none of {len(history)} trials completed within the bounds ({bounds}), {len(history.failed)} failed; "
            f"raise budget.trials, widen the bounds, or see the causes with 'nasflow show'."
        )
    return best
