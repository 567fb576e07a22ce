"""A toy world for testing strategies: a family of networks without torch, and trials that take no time.

A network is a row of layers. A convolution has a width and an activation, pooling has neither, and a layer that is
skipped is left out of the canonical form, so that several assignments are one network. The accuracy of a network grows
with its likeness to a hidden best row, and a little luck by architecture lies on top.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import Field

from nasflow import config
from nasflow.ids import seed_of
from nasflow.objectives import Objective
from nasflow.spaces import Bound, Choice, Choices, ChoiceTree, Family, Form, Graph, NetworkCost, NetworkIO, Node
from nasflow.spaces import SearchSpace as _SearchSpace
from nasflow.strategies import Problem, Proposal, Strategy
from nasflow.strategies.loading import checked_proposal
from nasflow.trials import Candidate, Entry, Fidelity, History, Status, Trial, TrialResult

if TYPE_CHECKING:
    from torch import nn

WIDTHS = (8, 16, 32, 64)
ACTIVATIONS = ("relu", "silu")
FIDELITY = Fidelity(epochs=2, horizon=2)
ACCURACY = Objective("val_accuracy", "maximize")
IO = NetworkIO(channels=1, size=8, outputs=10)

Evaluate = Callable[[Trial], TrialResult | None]
"""Gives the result of a trial, or None for one that is to stay under way."""


class ToyOptions(config.Options):
    """Options of the toy family."""

    layers: int = Field(default=3, ge=1, le=12)
    """Most layers that a network has; with n of them there are 10 + 10² + … + 10ⁿ assignments."""


class ToyFamily:
    """Rows of layers; implements `nasflow.spaces.Family`."""

    Options: type[config.Options] = ToyOptions

    def choices(self, options: ToyOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return depth, and for each layer its kind, width and activation."""
        found = [Choice("depth", tuple(range(1, options.layers + 1)))]
        for number in range(1, options.layers + 1):
            deep_enough = tuple(range(number, options.layers + 1))
            kind = f"layer{number}.kind"
            found += [
                Choice(kind, ("conv", "pool", "skip"), "depth", deep_enough),
                Choice(f"layer{number}.width", WIDTHS, kind, ("conv",)),
                Choice(f"layer{number}.activation", ACTIVATIONS, kind, ("conv",)),
            ]
        return tuple(found)

    def form(self, choices: Choices, options: ToyOptions) -> Form:
        """Return the layers that are not skipped."""
        layers: list[Any] = []
        for number in range(1, int(choices["depth"]) + 1):
            kind = choices[f"layer{number}.kind"]
            if kind == "conv":
                layers.append([choices[f"layer{number}.width"], choices[f"layer{number}.activation"]])
            elif kind == "pool":
                layers.append("pool")
        return {"layers": layers}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return what 3×3 convolutions without bias and a linear layer cost."""
        width, size, parameters, flops = io.channels, io.size, 0, 0
        for layer in form["layers"]:
            if layer == "pool":
                size = max(1, size // 2)
                continue
            parameters += 9 * width * layer[0]
            flops += 9 * width * layer[0] * size * size
            width = layer[0]
        return NetworkCost(parameters + width * io.outputs, flops + width * io.outputs)

    def graph(self, form: Form) -> Graph:
        """Return the row as a drawing."""
        nodes = tuple(Node(str(place), str(layer)) for place, layer in enumerate(form["layers"]))
        return Graph(nodes, tuple((a.id, b.id) for a, b in pairwise(nodes)))

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Refuse: these networks exist on paper only.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(f"a toy network cannot be built: {form} for {io}")


class ToySpace(_SearchSpace):
    """A search space of the toy family, which no entry point names."""

    @cached_property
    def provider(self) -> Family:
        """The toy family."""
        return ToyFamily()


def toy_space(layers: int = 3, constraints: Mapping[str, Bound] | None = None) -> ToySpace:
    """Return the space of rows of up to `layers` layers on grey images of 8 pixels, 10 classes."""
    options = ToyOptions(layers=layers)
    tree = ChoiceTree(ToyFamily().choices(options, IO))
    return ToySpace("toy", IO, tree, options.model_dump(mode="json"), dict(constraints or {}))


def toy_problem(
    space: _SearchSpace | None = None,
    objectives: tuple[Objective, ...] = (ACCURACY,),
    seed: int = 0,
    state: Mapping[str, Any] | None = None,
) -> Problem:
    """Return the problem of finding the most accurate toy network."""
    return Problem(space or toy_space(), objectives, FIDELITY, trials=24, seed=seed, state=state)


def toy_trial(candidate: Candidate) -> Trial:
    """Return the trial of a candidate."""
    seed = seed_of("toy", candidate.architecture.id)
    return Trial(candidate.architecture, candidate.fidelity, seed, "toy", None, candidate.parents, candidate.origin)


def toy_accuracy(space: _SearchSpace, form: Form, landscape: int = 0, luck: float = 0.01) -> float:
    """Return the validation accuracy of a network.

    Args:
        space: A space of the toy family.
        form: The network.
        landscape: Seed of the hidden best row: as deep as the space allows, nothing skipped.
        luck: Standard deviation of what architecture and landscape add by chance.

    Returns:
        0.9 for the best row and 0.3 for one with no likeness, but for luck; kept within 0 and 1.
    """
    rng = random.Random(seed_of("landscape", landscape))
    layers = int(space.options["layers"])
    best: list[Any] = [
        "pool" if rng.random() < 0.3 else [rng.choice(WIDTHS), rng.choice(ACTIVATIONS)] for _ in range(layers)
    ]
    likeness = sum(_likeness(*pair) for pair in zip(best, form["layers"], strict=False)) / layers
    chance = random.Random(seed_of("luck", landscape, form)).gauss(0, luck)
    return min(1.0, max(0.0, 0.3 + 0.6 * likeness + chance))


def _likeness(wanted: Any, layer: Any) -> float:
    if wanted == "pool" or layer == "pool":
        return float(wanted == layer)
    near = 1 - abs(WIDTHS.index(wanted[0]) - WIDTHS.index(layer[0])) / len(WIDTHS)
    return 0.2 + 0.5 * near + (0.3 if wanted[1] == layer[1] else 0.0)


def toy_result(space: _SearchSpace, trial: Trial, landscape: int = 0) -> TrialResult:
    """Return what a trial comes to: it always completes."""
    cost = space.cost(trial.architecture)
    metrics = {
        "val_accuracy": toy_accuracy(space, trial.architecture.form, landscape),
        "parameters": float(cost.parameters),
        "flops": float(cost.flops),
        "train_seconds": cost.flops / 1e6,
    }
    return TrialResult(trial.id, Status.COMPLETED, metrics, started_at=1.0, finished_at=2.0, device="toy")


def toy_evaluator(space: _SearchSpace, outcomes: Sequence[Status | None]) -> Evaluate:
    """Return a function that lets trials end in the ways listed, whichever a trial's id picks; None: under way."""

    def evaluate(trial: Trial) -> TrialResult | None:
        status = outcomes[int(trial.id, 16) % len(outcomes)]
        if status is Status.COMPLETED:
            return toy_result(space, trial)
        return TrialResult(trial.id, status, cause=f"made to end as {status}.") if status is not None else None

    return evaluate


def run_search(
    strategy: Strategy,
    problem: Problem,
    trials: int,
    *,
    round_size: int = 4,
    evaluate: Evaluate | None = None,
    history: History | None = None,
) -> tuple[History, Proposal]:
    """Run a whole search in this process.

    Args:
        strategy: What proposes.
        problem: What it is asked; the state of each proposal is handed to the next.
        trials: Where to stop.
        round_size: Candidates asked for at once.
        evaluate: Result of a trial; by default `toy_result`.
        history: Where to begin.

    Returns:
        The history, shorter than `trials` where the strategy had no more, and the last proposal.

    Raises:
        StrategyError: A proposal was not legal.
    """
    entries = list(history or ())
    state, proposal = problem.state, Proposal(())
    while len(entries) < trials:
        asked = replace(problem, state=state)
        known = History(entries)
        count = min(round_size, trials - len(entries))
        proposal = checked_proposal(asked, known, count, strategy.propose(asked, known, count))
        state = proposal.state
        for candidate in proposal.candidates:
            trial = toy_trial(candidate)
            entries.append(Entry(trial, evaluate(trial) if evaluate else toy_result(problem.space, trial)))
        if len(proposal.candidates) < count:
            break
    return History(entries), proposal
