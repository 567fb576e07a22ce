"""Strategies by name, and the guard between a strategy and a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasflow.errors import PluginError, StrategyError
from nasflow.ids import canonical_json
from nasflow.plugins import load
from nasflow.strategies.protocol import Problem, Proposal, Strategy
from nasflow.trials import Candidate, Fidelity, History


def load_strategy(name: str, options: Mapping[str, Any]) -> Strategy:
    """Return the strategy that an installed package provides under a name.

    Raises:
        PluginError: No package provides it, or what it provides is no strategy.
        pydantic.ValidationError: The options are not the strategy's.
    """
    provided = load("strategies", name)
    missing = [part for part in ("Options", "propose") if not hasattr(provided, part)]
    if missing:
        raise PluginError(f"strategy '{name}' lacks {' and '.join(missing)}; see nasflow.strategies.Strategy.")
    strategy: Strategy = provided(provided.Options.model_validate(dict(options)))
    return strategy


def checked_proposal(problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
    """Return a proposal as it is, once it is known to keep the contract.

    Args:
        problem: What the strategy was given.
        history: What the strategy was given.
        count: How many candidates were asked for.
        proposal: Its answer.

    Raises:
        StrategyError: There are more candidates than asked for, one is not legal in the space, breaks a constraint, has
            another fidelity than the search, or was proposed before, or the state is not JSON.
    """
    if len(proposal.candidates) > count:
        raise StrategyError(f"the strategy proposed {len(proposal.candidates)} candidates; {count} were asked for.")
    known = {(entry.trial.architecture.id, entry.trial.fidelity) for entry in history}
    for place, candidate in enumerate(proposal.candidates, 1):
        fault = _fault(problem, candidate, known)
        if fault:
            which = f"candidate {place} of {len(proposal.candidates)}, architecture {candidate.architecture.id}"
            origin = f" by {candidate.origin}" if candidate.origin else ""
            raise StrategyError(f"the strategy proposed {which}{origin}, which {fault}.")
        known.add((candidate.architecture.id, candidate.fidelity))
    try:
        canonical_json(proposal.state)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"the strategy's state cannot be kept as JSON: {error}.") from error
    return proposal


def _fault(problem: Problem, candidate: Candidate, known: set[tuple[str, Fidelity]]) -> str:
    space, architecture = problem.space, candidate.architecture
    if not space.admits(architecture):
        limits = ", ".join(f"{name} {bound}" for name, bound in space.constraints.items())
        why = f" (constraints: {limits})" if limits else ""
        return f"is not legal in the space{why}: {dict(architecture.choices)}"
    if candidate.fidelity != problem.fidelity:
        return f"has another fidelity than the search: {candidate.fidelity}, not {problem.fidelity}"
    if (architecture.id, candidate.fidelity) in known:
        return "was proposed before at the same fidelity"
    return ""
