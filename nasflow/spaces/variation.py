"""Moving about in a space: mutation, crossover, neighbours, and the vector of an architecture."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from nasflow.spaces.architecture import Architecture
from nasflow.spaces.choices import Choices, Scalar
from nasflow.spaces.space import SearchSpace

_ATTEMPTS = 100


def _completed(space: SearchSpace, wanted: Choices, rng: random.Random | None) -> dict[str, Scalar]:
    """Keep the wanted values that exist; choices newly come to life are drawn, or take their default without `rng`."""
    made: dict[str, Scalar] = {}
    for choice in space.tree:
        if not any(alive is choice for alive in space.tree.active(made)):
            continue
        if choice.name in wanted:
            made[choice.name] = wanted[choice.name]
        else:
            made[choice.name] = rng.choice(choice.values) if rng else choice.values[0]
    return made


def mutate(space: SearchSpace, parent: Architecture, rng: random.Random) -> Architecture | None:
    """Change one choice at random; branches that this brings to life are drawn.

    Returns:
        Another network of the space that keeps the constraints, or None where 100 attempts found none.
    """
    open_choices = [c for c in space.tree.active(parent.choices) if len(c.values) > 1]
    for _ in range(_ATTEMPTS if open_choices else 0):
        choice = rng.choice(open_choices)
        value = rng.choice([v for v in choice.values if choice.index(v) != choice.index(parent.choices[choice.name])])
        child = space.architecture(_completed(space, {**parent.choices, choice.name: value}, rng))
        if child != parent and space.keeps_constraints(child):
            return child
    return None


def cross(space: SearchSpace, first: Architecture, second: Architecture, rng: random.Random) -> Architecture | None:
    """Take each choice from one of two parents at random (uniform crossover).

    Returns:
        A network of the space that is neither parent and keeps the constraints, or None where 100 attempts found none.
    """
    for _ in range(_ATTEMPTS):
        wanted: dict[str, Scalar] = {}
        for choice in space.tree:
            givers = [p for p in (first, second) if choice.name in p.choices]
            if givers:
                wanted[choice.name] = rng.choice(givers).choices[choice.name]
        child = space.architecture(_completed(space, wanted, rng))
        if child not in (first, second) and space.keeps_constraints(child):
            return child
    return None


def neighbours(space: SearchSpace, architecture: Architecture) -> Iterator[Architecture]:
    """Yield every other network that differs in one choice and keeps the constraints, each once, in tree order.

    Choices that come to life take their default.
    """
    seen = {architecture.id}
    for choice in space.tree.active(architecture.choices):
        for value in choice.values:
            changed: Mapping[str, Scalar] = {**architecture.choices, choice.name: value}
            other = space.architecture(_completed(space, changed, None))
            if other.id not in seen and space.keeps_constraints(other):
                seen.add(other.id)
                yield other


def vector(space: SearchSpace, architecture: Architecture) -> list[float]:
    """Encode an architecture as 0.0 and 1.0: for each choice one place a value, all zero where the choice is absent."""
    encoded: list[float] = []
    for choice in space.tree:
        place = choice.index(architecture.choices[choice.name]) if choice.name in architecture.choices else -1
        encoded += [float(i == place) for i in range(len(choice.values))]
    return encoded
