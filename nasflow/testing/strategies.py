"""What every search strategy has to keep, as tests to inherit.

    class TestMine(StrategyContract):
        strategy = MyStrategy
        options = {"population_size": 4}

The suite needs pytest, and neither torch nor time: it searches the toy spaces of `nasflow.testing.toy`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import pytest

from nasflow.objectives import Objective
from nasflow.spaces import Architecture, Bound, SearchSpace
from nasflow.strategies import Problem, Proposal, Strategy
from nasflow.strategies.loading import checked_proposal
from nasflow.strategies.novelty import admissible
from nasflow.testing.toy import (
    ACCURACY,
    FIDELITY,
    run_search,
    toy_evaluator,
    toy_problem,
    toy_result,
    toy_space,
    toy_trial,
)
from nasflow.trials import Candidate, Entry, History, Status, Trial, TrialResult

SMALL = Bound(less_than=3_000)
PROBLEMS: Mapping[str, Problem] = {
    "conditional": toy_problem(toy_space(4)),
    "constrained": toy_problem(toy_space(3, {"parameters": SMALL})),
    "bounded": toy_problem(toy_space(3), (ACCURACY, Objective("parameters", "minimize", SMALL, cheap=True))),
    "hardly_possible": toy_problem(toy_space(3, {"flops": Bound(more_than=4_000_000)})),
    "tiny": toy_problem(toy_space(1)),
}
"""What a strategy must cope with: conditions, constraints, cheap bounds, 8 of 1,110 networks allowed, 10 networks."""

EXHAUSTIBLE = ("constrained", "bounded", "hardly_possible", "tiny")

OUTCOMES: Mapping[str, tuple[Status | None, ...]] = {
    "plain": (Status.COMPLETED,),
    "failing": (Status.COMPLETED, Status.CRASHED),
    "pending": (Status.COMPLETED, None),
    "all_failed": (Status.NOT_FINITE, Status.OUT_OF_MEMORY),
    "all_pending": (None,),
    "all_rejected": (Status.REJECTED,),
    "mixed": (*Status, None),
}
"""How the trials of a search end, by chance."""


class StrategyContract:
    """Tests that a strategy passes, whoever wrote it.

    Attributes:
        strategy: The strategy's class.
        options: Its options, as a configuration would give them.
        seeded: Whether it draws at random, so that another seed gives another search.
        trials: Trials after which it has left its beginnings behind, and does what it is for.
    """

    strategy: ClassVar[type[Strategy]]
    options: ClassVar[Mapping[str, Any]] = {}
    seeded: ClassVar[bool] = True
    trials: ClassVar[int] = 24

    @pytest.fixture(params=sorted(PROBLEMS))
    def problem(self, request: pytest.FixtureRequest) -> Problem:
        """Each of the toy problems in turn."""
        return PROBLEMS[request.param]

    @pytest.fixture(params=EXHAUSTIBLE)
    def small(self, request: pytest.FixtureRequest) -> Problem:
        """Each of the problems that can be searched to the end."""
        return PROBLEMS[request.param]

    def make(self) -> Strategy:
        """Return a fresh instance."""
        return self.strategy(self.strategy.Options.model_validate(dict(self.options)))

    def ask(self, problem: Problem, history: History, count: int) -> Proposal:
        """Return what a fresh instance proposes, checked."""
        return checked_proposal(problem, history, count, self.make().propose(problem, history, count))

    def test_proposes_legal_networks_and_none_twice(self, problem: Problem) -> None:
        """Every proposal of a search is checked on its way; here the whole is looked at again."""
        history, _ = run_search(self.make(), problem, self.trials)
        left = available(problem, self.trials)
        ids = [entry.trial.architecture.id for entry in history]
        assert len(ids) == left, f"{len(ids)} networks were proposed, {left} exist and were asked for"
        assert len(set(ids)) == len(ids), "a network was proposed twice"
        for entry in history:
            architecture = entry.trial.architecture
            assert problem.space.admits(architecture), f"{architecture} is not in the space"
            assert admissible(problem, architecture), f"{architecture} would be rejected without training"
            assert entry.trial.fidelity == problem.fidelity, "a trial has another fidelity than the search"

    def test_a_batch_holds_as_many_as_asked_for(self) -> None:
        """As long as the space has enough."""
        problem = PROBLEMS["conditional"]
        history, _ = run_search(self.make(), problem, self.trials)
        for count in (1, 2, 17):
            assert len(self.ask(problem, history, count).candidates) == count

    def test_same_input_gives_same_proposal(self, problem: Problem) -> None:
        """Whatever the instance was asked before, and whatever the global source of randomness holds."""
        history, last = run_search(self.make(), problem, self.trials // 2)
        problem = continued(problem, last.state)
        fresh = self.ask(problem, history, 5)
        used = self.make()
        used.propose(toy_problem(toy_space(2), seed=7), History(), 3)
        before = random.getstate()
        random.seed(123)
        try:
            again = [used.propose(problem, history, 5) for _ in range(2)]
        finally:
            random.setstate(before)
        assert again == [fresh, fresh], "a proposal depends on more than problem, history and count"

    def test_seed_and_generation_matter(self) -> None:
        """Another seed, or the same search started anew, goes another way; a strategy without chance the same."""
        problem = PROBLEMS["conditional"]
        first, seed, generation = (
            [e.trial.architecture.id for e in run_search(self.make(), other, self.trials)[0]]
            for other in (problem, replace(problem, seed=1), replace(problem, generation=1))
        )
        assert (first != seed) == self.seeded, "the seed should matter exactly where `seeded` says so"
        assert (first != generation) == self.seeded, "the generation should matter exactly where `seeded` says so"

    @pytest.mark.parametrize("outcomes", ["plain", "failing", "pending"])
    def test_resumes_as_if_never_interrupted(self, outcomes: str) -> None:
        """From every round on, with history and state read back from files."""
        problem = PROBLEMS["conditional"]
        evaluate = toy_evaluator(problem.space, OUTCOMES[outcomes])
        history = History()
        state: Mapping[str, Any] | None = None
        strategy = self.make()
        while len(history) < self.trials:
            reread = History.from_jsonl(history.to_jsonl())
            restored = continued(problem, json.loads(json.dumps(state)))
            proposal = strategy.propose(continued(problem, state), history, 4)
            assert self.ask(restored, reread, 4) == proposal, (
                f"resumed after {len(history)} trials, it goes another way"
            )
            state = proposal.state
            trials = [toy_trial(candidate) for candidate in proposal.candidates]
            history = History([*history, *(Entry(trial, evaluate(trial)) for trial in trials)])

    def test_uses_up_a_small_space(self, small: Problem) -> None:
        """Each network exactly once, then nothing, with a sentence that says so."""
        expected = remaining(small, History())
        history, last = run_search(self.make(), small, len(expected) + 1, round_size=7)
        assert history.architectures == expected, "the space was not used up"
        assert len(history) == len(expected), "a network was proposed twice"
        assert last.note, "a short proposal needs a note for the user"
        after = self.ask(continued(small, last.state), history, 3)
        assert not after.candidates, "something was proposed where nothing is left"
        assert after.note, "an empty proposal needs a note for the user"

    def test_a_batch_larger_than_the_space(self, small: Problem) -> None:
        """All of the space at once."""
        proposal = self.ask(small, History(), 5_000)
        assert {c.architecture.id for c in proposal.candidates} == remaining(small, History())
        assert proposal.note, "a short proposal needs a note for the user"

    def test_finds_the_gaps_that_others_left(self, small: Problem) -> None:
        """The history may hold anything: networks in no order, as another strategy would have proposed them."""
        known = strangers(small, 6)
        proposal = self.ask(small, known, 5_000)
        assert {c.architecture.id for c in proposal.candidates} == remaining(small, known)

    @pytest.mark.parametrize("layers", [2, pytest.param(9, marks=pytest.mark.slow)])
    @pytest.mark.parametrize("cheap", [False, True])
    def test_ends_where_nothing_is_possible(self, layers: int, cheap: bool) -> None:
        """Constraints or cheap bounds that no network keeps; the space may be too large to look at all of it."""
        nothing = Bound(less_than=1)
        if cheap:
            bounded = Objective("parameters", "minimize", nothing, cheap=True)
            problem = toy_problem(toy_space(layers), (ACCURACY, bounded))
        else:
            problem = toy_problem(toy_space(layers, {"parameters": nothing}))
        proposal = self.ask(problem, History(), 2)
        assert not proposal.candidates
        assert "parameters below 1" in proposal.note, f"the note should name the bound: {proposal.note!r}"

    @pytest.mark.parametrize("outcomes", sorted(OUTCOMES))
    def test_lives_with_trials_that_tell_nothing(self, problem: Problem, outcomes: str) -> None:
        """Failed, rejected, without a result: each counts as proposed, and the search goes on."""
        history, _ = run_search(
            self.make(), problem, self.trials, evaluate=toy_evaluator(problem.space, OUTCOMES[outcomes])
        )
        assert len(history) == available(problem, self.trials)

    def test_lives_with_metrics_that_are_no_numbers(self) -> None:
        """A completed trial may lack an objective, or have NaN for it."""

        def evaluate(trial: Trial) -> TrialResult:
            metrics = {"val_accuracy": float("nan")} if int(trial.id, 16) % 2 else {}
            return TrialResult(trial.id, Status.COMPLETED, metrics)

        history, _ = run_search(self.make(), PROBLEMS["conditional"], self.trials, evaluate=evaluate)
        assert len(history) == self.trials

    def test_state_is_json(self) -> None:
        """State travels through files."""
        _, last = run_search(self.make(), PROBLEMS["conditional"], self.trials)
        state = dict(last.state) if last.state is not None else None
        assert json.loads(json.dumps(state, allow_nan=False)) == state, "the state does not survive JSON"

    def test_changes_nothing_it_is_given(self, problem: Problem) -> None:
        """Neither the history, nor the problem, nor the global source of randomness."""
        history, last = run_search(self.make(), problem, self.trials // 2)
        problem = continued(problem, last.state)
        before = (history.to_jsonl(), repr(vars(problem)), random.getstate())
        self.make().propose(problem, history, 5)
        assert (history.to_jsonl(), repr(vars(problem)), random.getstate()) == before

    def test_says_where_candidates_come_from(self, problem: Problem) -> None:
        """Each has an origin, and its parents are networks that were tried before it."""
        known: set[str] = set()
        state: Mapping[str, Any] | None = None
        entries: list[Entry] = []
        strategy = self.make()
        while len(entries) < self.trials:
            proposal = strategy.propose(continued(problem, state), History(entries), 4)
            for candidate in proposal.candidates:
                assert candidate.origin, "a candidate has no origin"
                assert set(candidate.parents) <= known, f"{candidate.origin} from networks that were never tried"
                assert len(set(candidate.parents)) == len(candidate.parents), "a parent is named twice"
            entries += [Entry(t, toy_result(problem.space, t)) for t in map(toy_trial, proposal.candidates)]
            known |= {candidate.architecture.id for candidate in proposal.candidates}
            state = proposal.state
            if len(proposal.candidates) < 4:
                break


def continued(problem: Problem, state: Mapping[str, Any] | None) -> Problem:
    """Return the problem with the state of the last proposal."""
    return replace(problem, state=state)


def available(problem: Problem, wanted: int) -> int:
    """Return how many of the wanted networks there are; the large toy spaces have more than any test wants."""
    return wanted if problem.space.size > 5_000 else min(wanted, len(remaining(problem, History())))


@cache
def _allowed(space: SearchSpace, objectives: tuple[Objective, ...]) -> Mapping[str, Architecture]:
    """Return all networks of a space that may be proposed, by id."""
    problem = toy_problem(space, objectives)
    return {architecture.id: architecture for _, architecture in space.enumerate() if admissible(problem, architecture)}


def remaining(problem: Problem, history: History) -> frozenset[str]:
    """Return the ids of all networks that may still be proposed."""
    return frozenset(_allowed(problem.space, problem.objectives)) - history.architectures


def strangers(problem: Problem, count: int) -> History:
    """Return a history of networks in no particular order, all different."""
    allowed = list(_allowed(problem.space, problem.objectives).values())
    drawn = random.Random(0).sample(allowed, min(count, len(allowed)))
    trials = [toy_trial(Candidate(architecture, FIDELITY)) for architecture in drawn]
    return History(Entry(trial, toy_result(problem.space, trial)) for trial in trials)
