"""The contract of strategies bites: each way of breaking it that we could think of is found by a test of the suite."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from nasflow.config import Options
from nasflow.errors import NasflowError
from nasflow.strategies import Problem, Proposal
from nasflow.strategies.evolution import EvolutionOptions, RegularizedEvolution
from nasflow.strategies.random import RandomOptions, RandomSearch
from nasflow.testing.strategies import PROBLEMS, StrategyContract
from nasflow.testing.toy import toy_space
from nasflow.trials import Candidate, History


class Flawed(RandomSearch):
    """Random search with something wrong about it."""

    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return proposal

    def propose(self, problem: Problem, history: History, count: int) -> Proposal:
        return self.flaw(problem, history, count, super().propose(problem, history, count))


class Repeats(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        known = [Candidate(e.trial.architecture, problem.fidelity, origin="again") for e in history.entries[:1]]
        return replace(proposal, candidates=(*known, *proposal.candidates)[:count])


class Overflows(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return super(Flawed, self).propose(problem, history, count + 1)


class Stingy(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return replace(proposal, candidates=proposal.candidates[: max(1, count - 1)])


class LeavesTheSpace(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        stranger = Candidate(toy_space(6).at(1_000_000), problem.fidelity, origin="elsewhere")
        return replace(proposal, candidates=(stranger, *proposal.candidates[1:]))


class IgnoresCheapBounds(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return super(Flawed, self).propose(replace(problem, objectives=problem.objectives[:1]), history, count)


class IgnoresConstraints(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        free = replace(problem, space=toy_space(int(problem.space.options["layers"])))
        return super(Flawed, self).propose(free, history, count)


class Capricious(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        candidates = list(proposal.candidates)
        random.shuffle(candidates)
        return replace(proposal, candidates=tuple(candidates))


class Remembers(Flawed):
    calls = 0

    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        self.calls += 1
        return replace(proposal, note=f"call {self.calls}")


class IgnoresTheSeed(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return super(Flawed, self).propose(replace(problem, seed=0, generation=0), history, count)


class GivesUpEarly(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return Proposal((), note="Enough.") if len(history) > 5 else proposal


class SaysNothing(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return replace(proposal, note="")


class NeedsResults(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        [entry.result.metrics["val_accuracy"] for entry in history]  # type: ignore[union-attr]
        return proposal


class StateIsNoJson(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return replace(proposal, state={"pair": (1, 2)})


class Meddles(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        history.entries = history.entries[:-1]
        return proposal


class StirsTheGlobalSource(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        random.random()
        return proposal


class InventsParents(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return replace(proposal, candidates=tuple(replace(c, parents=("nobody",)) for c in proposal.candidates))


class Nameless(Flawed):
    def flaw(self, problem: Problem, history: History, count: int, proposal: Proposal) -> Proposal:
        return replace(proposal, candidates=tuple(replace(c, origin="") for c in proposal.candidates))


class LearnsFromUnfinished(RegularizedEvolution):
    """Depends on more than the history's file holds."""

    Options: ClassVar[type[Options]] = EvolutionOptions  # type: ignore[misc]

    def propose(self, problem: Problem, history: History, count: int) -> Proposal:
        proposal = super().propose(problem, history, count)
        seen = any(hasattr(entry, "_seen") for entry in history)
        for entry in history:
            object.__setattr__(entry, "_seen", True)
        return replace(proposal, note="seen before") if seen else proposal


CASES: list[tuple[type, Callable[[Any], object]]] = [
    (Repeats, lambda c: c.test_proposes_legal_networks_and_none_twice(PROBLEMS["conditional"])),
    (Overflows, lambda c: c.test_a_batch_holds_as_many_as_asked_for()),
    (Stingy, lambda c: c.test_a_batch_holds_as_many_as_asked_for()),
    (LeavesTheSpace, lambda c: c.test_proposes_legal_networks_and_none_twice(PROBLEMS["conditional"])),
    (IgnoresCheapBounds, lambda c: c.test_proposes_legal_networks_and_none_twice(PROBLEMS["bounded"])),
    (IgnoresCheapBounds, lambda c: c.test_ends_where_nothing_is_possible(2, True)),
    (IgnoresConstraints, lambda c: c.test_proposes_legal_networks_and_none_twice(PROBLEMS["constrained"])),
    (IgnoresConstraints, lambda c: c.test_ends_where_nothing_is_possible(2, False)),
    (Capricious, lambda c: c.test_same_input_gives_same_proposal(PROBLEMS["conditional"])),
    (Remembers, lambda c: c.test_same_input_gives_same_proposal(PROBLEMS["conditional"])),
    (Remembers, lambda c: c.test_resumes_as_if_never_interrupted("plain")),
    (LearnsFromUnfinished, lambda c: c.test_resumes_as_if_never_interrupted("plain")),
    (IgnoresTheSeed, lambda c: c.test_seed_and_generation_matter()),
    (GivesUpEarly, lambda c: c.test_uses_up_a_small_space(PROBLEMS["tiny"])),
    (GivesUpEarly, lambda c: c.test_finds_the_gaps_that_others_left(PROBLEMS["constrained"])),
    (GivesUpEarly, lambda c: c.test_lives_with_trials_that_tell_nothing(PROBLEMS["conditional"], "all_failed")),
    (SaysNothing, lambda c: c.test_uses_up_a_small_space(PROBLEMS["tiny"])),
    (SaysNothing, lambda c: c.test_a_batch_larger_than_the_space(PROBLEMS["tiny"])),
    (NeedsResults, lambda c: c.test_lives_with_trials_that_tell_nothing(PROBLEMS["conditional"], "pending")),
    (NeedsResults, lambda c: c.test_lives_with_metrics_that_are_no_numbers()),
    (StateIsNoJson, lambda c: c.test_state_is_json()),
    (Meddles, lambda c: c.test_changes_nothing_it_is_given(PROBLEMS["conditional"])),
    (StirsTheGlobalSource, lambda c: c.test_changes_nothing_it_is_given(PROBLEMS["conditional"])),
    (InventsParents, lambda c: c.test_says_where_candidates_come_from(PROBLEMS["conditional"])),
    (Nameless, lambda c: c.test_says_where_candidates_come_from(PROBLEMS["conditional"])),
]


def suite_of(kind: type) -> Any:
    return type("Suite", (StrategyContract,), {"strategy": kind})()


@pytest.mark.parametrize(("flawed", "run"), CASES, ids=[f"{kind.__name__}-{n}" for n, (kind, _) in enumerate(CASES)])
def test_a_flaw_is_found(flawed: type, run: Callable[[Any], object]) -> None:
    with pytest.raises((AssertionError, NasflowError, AttributeError, KeyError)):
        run(suite_of(flawed))


@pytest.mark.parametrize("run", [run for _, run in CASES])
def test_the_same_tests_pass_without_the_flaw(run: Callable[[Any], object]) -> None:
    run(suite_of(Flawed))


def test_the_suite_covers_every_flaw_above() -> None:
    assert {*Flawed.__subclasses__(), LearnsFromUnfinished} == {kind for kind, _ in CASES}


def test_options_of_the_suite_reach_the_strategy() -> None:
    suite = type("Suite", (StrategyContract,), {"strategy": RegularizedEvolution, "options": {"population_size": 4}})()
    assert suite.make().options.population_size == 4
    assert isinstance(suite_of(RandomSearch).make().options, RandomOptions)
