"""The toy world is what the contract of strategies relies on."""

from __future__ import annotations

import statistics

import pytest

from nasflow.errors import StrategyError
from nasflow.spaces import Form
from nasflow.strategies import Problem, Proposal
from nasflow.strategies.grid import GridOptions, GridSearch
from nasflow.testing.toy import (
    IO,
    ToyFamily,
    run_search,
    toy_accuracy,
    toy_evaluator,
    toy_problem,
    toy_result,
    toy_space,
    toy_trial,
)
from nasflow.trials import Candidate, History, Status

GRID = GridSearch(GridOptions())


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_sizes_are_as_documented(layers: int) -> None:
    assert toy_space(layers).size == sum(10**n for n in range(1, layers + 1))


def test_skipped_layers_leave_no_trace() -> None:
    space = toy_space(3)
    skips = {f"layer{n}.kind": "skip" for n in (1, 3)}
    network = space.architecture({"depth": 3, **skips, "layer2.kind": "pool"})
    assert network.form == {"layers": ["pool"]}
    assert network == space.architecture({"depth": 1, "layer1.kind": "pool"})


def test_costs_by_hand() -> None:
    family = ToyFamily()
    cost = family.cost({"layers": [[8, "relu"], "pool", [16, "silu"]]}, IO)
    assert cost.parameters == 9 * 1 * 8 + 9 * 8 * 16 + 16 * 10
    assert cost.flops == 9 * 1 * 8 * 64 + 9 * 8 * 16 * 16 + 16 * 10
    assert family.cost({"layers": []}, IO).parameters == 10


def test_the_graph_is_a_row() -> None:
    graph = ToyFamily().graph({"layers": ["pool", [8, "relu"]]})
    assert [node.label for node in graph.nodes] == ["pool", "[8, 'relu']"]
    assert graph.edges == (("0", "1"),)


def test_networks_exist_on_paper_only() -> None:
    with pytest.raises(NotImplementedError):
        ToyFamily().build({"layers": []}, IO)


def test_the_landscape_has_one_hidden_peak_and_slopes_towards_it() -> None:
    space = toy_space(2)
    forms: list[Form] = [architecture.form for _, architecture in space.enumerate()]
    for landscape in range(5):
        height = {str(form): toy_accuracy(space, form, landscape, luck=0.0) for form in forms}
        best = max(height, key=lambda name: height[name])
        assert height[best] == pytest.approx(0.9)
        assert height["{'layers': []}"] == pytest.approx(0.3)
        assert sum(value > 0.89 for value in height.values()) == 1
    assert len({max(forms, key=lambda f: toy_accuracy(space, f, n)).__repr__() for n in range(5)}) > 1


def test_luck_is_small_and_stays_the_same() -> None:
    space = toy_space(3)
    forms = [space.at(number).form for number in range(0, space.size, 5)]
    luck = [toy_accuracy(space, form) - toy_accuracy(space, form, luck=0.0) for form in forms]
    assert 0.008 < statistics.stdev(luck) < 0.012
    assert luck == [toy_accuracy(space, form) - toy_accuracy(space, form, luck=0.0) for form in forms]


def test_results_have_what_real_ones_have() -> None:
    space = toy_space(2)
    trial = toy_trial(Candidate(space.at(42), toy_problem().fidelity, ("parent",), "mutation"))
    result = toy_result(space, trial)
    assert (trial.parents, trial.origin) == (("parent",), "mutation")
    assert set(result.metrics) == {"val_accuracy", "parameters", "flops", "train_seconds"}
    assert result == toy_result(space, trial)


def test_outcomes_are_drawn_by_trial() -> None:
    space = toy_space(3)
    outcomes = (Status.COMPLETED, Status.CRASHED, None)
    history, _ = run_search(GRID, toy_problem(space), 90, evaluate=toy_evaluator(space, outcomes))
    found = [entry.result.status if entry.result else None for entry in history]
    assert all(found.count(outcome) > 10 for outcome in outcomes)
    assert all(entry.result.cause for entry in history if entry.result and entry.result.status is Status.CRASHED)


def test_a_search_stops_at_its_budget_or_where_the_space_ends() -> None:
    tiny = toy_problem(toy_space(1))
    assert [len(run_search(GRID, tiny, n, round_size=4)[0]) for n in (3, 4, 5, 500)] == [3, 4, 5, 10]


def test_a_search_goes_on_from_a_history() -> None:
    problem = toy_problem(toy_space(2))
    first, _ = run_search(GRID, problem, 8)
    whole, _ = run_search(GRID, problem, 20)
    assert run_search(GRID, problem, 20, history=first)[0].timeless() == whole.timeless()


def test_a_search_hands_on_the_state_and_checks_proposals() -> None:
    class Counting(GridSearch):
        def propose(self, problem: Problem, history: History, count: int) -> Proposal:
            turn = (problem.state or {"turn": 0})["turn"] + 1
            return Proposal(super().propose(problem, history, count).candidates, {"turn": turn})

    class Repeating(GridSearch):
        def propose(self, problem: Problem, history: History, count: int) -> Proposal:
            return super().propose(problem, History(), count)

    _, last = run_search(Counting(GridOptions()), toy_problem(), 12, round_size=4)
    assert last.state == {"turn": 3}
    with pytest.raises(StrategyError, match="was proposed before"):
        run_search(Repeating(GridOptions()), toy_problem(), 8, round_size=4)


def test_everything_repeats() -> None:
    first, second = (run_search(GRID, toy_problem(), 30)[0] for _ in range(2))
    assert first.to_jsonl() == second.to_jsonl()
