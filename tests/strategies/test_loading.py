"""Strategies by name, and the guard between strategies and searches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from nasflow.errors import PluginError, StrategyError
from nasflow.spaces import Architecture, Bound
from nasflow.strategies import Proposal
from nasflow.strategies.evolution import RegularizedEvolution
from nasflow.strategies.grid import GridOptions, GridSearch
from nasflow.strategies.loading import checked_proposal, load_strategy
from nasflow.strategies.random import RandomSearch
from nasflow.testing.toy import FIDELITY, run_search, toy_problem, toy_space
from nasflow.trials import Candidate, Fidelity, History

PROBLEM = toy_problem(toy_space(2))
NOTHING = History()


def good(number: int = 50) -> Candidate:
    return Candidate(PROBLEM.space.at(number), FIDELITY, origin="mutation")


@pytest.mark.parametrize(
    ("name", "kind"), [("random", RandomSearch), ("grid", GridSearch), ("evolution", RegularizedEvolution)]
)
def test_the_strategies_that_come_with_nasflow(name: str, kind: type) -> None:
    assert isinstance(load_strategy(name, {}), kind)


def test_options_reach_the_strategy() -> None:
    strategy = load_strategy("evolution", {"population_size": 7})
    assert isinstance(strategy, RegularizedEvolution)
    assert strategy.options.population_size == 7
    with pytest.raises(ValidationError, match="populationsize"):
        load_strategy("evolution", {"populationsize": 7})


def test_unknown_names_and_things_that_are_no_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PluginError, match=r"'evolutoin' is none of the known strategies:.*Did you mean 'evolution'\?"):
        load_strategy("evolutoin", {})
    monkeypatch.setattr("nasflow.strategies.loading.load", lambda group, name: object())
    with pytest.raises(PluginError, match="strategy 'odd' lacks Options and propose; see"):
        load_strategy("odd", {})


def test_a_good_proposal_passes_as_it_is() -> None:
    proposal = Proposal((good(50), good(60)), state={"weights": [1.0, 2.0]}, note="Fine.")
    assert checked_proposal(PROBLEM, History(), 2, proposal) is proposal
    assert checked_proposal(PROBLEM, History(), 5, Proposal(())) == Proposal(())


def refused(*candidates: Candidate, history: History = NOTHING, count: int = 8, **changes: object) -> str:
    with pytest.raises(StrategyError) as caught:
        checked_proposal(replace(PROBLEM, **changes), history, count, Proposal(candidates))  # type: ignore[arg-type]
    return str(caught.value)


def test_more_than_asked_for() -> None:
    assert refused(good(50), good(60), count=1) == "the strategy proposed 2 candidates; 1 were asked for."


def test_twice_in_one_batch() -> None:
    assert refused(good(), good(60), good()) == (
        f"the strategy proposed candidate 3 of 3, architecture {good().architecture.id} by mutation, "
        f"which was proposed before at the same fidelity."
    )


def test_again_out_of_the_history() -> None:
    history, _ = run_search(GridSearch(GridOptions()), PROBLEM, 3)
    known = history.entries[1].trial.architecture
    assert f"architecture {known.id}, which was proposed before" in refused(Candidate(known, FIDELITY), history=history)


def test_the_same_network_by_other_choices() -> None:
    shallow = PROBLEM.space.architecture({"depth": 1, "layer1.kind": "skip"})
    deep = PROBLEM.space.architecture({"depth": 2, "layer1.kind": "skip", "layer2.kind": "skip"})
    assert "candidate 2 of 2" in refused(Candidate(shallow, FIDELITY), Candidate(deep, FIDELITY))


@pytest.mark.parametrize(
    "illegal",
    [
        Architecture("toy", {"depth": 9}, {"layers": []}),
        Architecture("toy", {}, {"layers": ["pool"]}),
        Architecture("cell", good().architecture.choices, good().architecture.form),
        Architecture("toy", good().architecture.choices, {"layers": ["pool", "pool", "pool"]}),
    ],
)
def test_illegal_in_the_space(illegal: Architecture) -> None:
    message = refused(Candidate(illegal, FIDELITY))
    assert message.startswith(f"the strategy proposed candidate 1 of 1, architecture {illegal.id}, which is not legal")


def test_outside_the_constraints() -> None:
    space = toy_space(2, {"parameters": Bound(less_than=11)})
    message = refused(good(), space=space)
    assert "which is not legal in the space (constraints: parameters below 11): {'depth': " in message


def test_another_fidelity() -> None:
    message = refused(replace(good(), fidelity=Fidelity(epochs=9, horizon=9)))
    assert "has another fidelity than the search: Fidelity(epochs=9" in message


@pytest.mark.parametrize("state", [{"a": object()}, {"a": float("nan")}, {"a": {1, 2}}])
def test_state_that_is_no_json(state: dict[str, object]) -> None:
    with pytest.raises(StrategyError, match="the strategy's state cannot be kept as JSON"):
        checked_proposal(PROBLEM, History(), 1, Proposal((), state=state))
