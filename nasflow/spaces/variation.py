"""Moving about in a space: mutation, crossover, neighbours, and the vector of an architecture."""

from __future__ import annotations

import random
from collections.abc import Iterator

from nasflow.spaces.architecture import Architecture
from nasflow.spaces.choices import Scalar
from nasflow.spaces.space import SearchSpace

_ATTEMPTS = 100


def mutate(
    space: SearchSpace, parent: Architecture, rng: random.Random, attempts: int = _ATTEMPTS
) -> Architecture | None:
    """Change one choice at random; branches that this brings to life are drawn.

    Returns:
        Another network of the space that keeps the constraints, or None where no attempt found one.

    Raises:
        SpaceError: The parent's choices are not legal in the space.
    """
    made = space.tree.checked(parent.choices)
    open_choices = [choice for choice in space.tree.active(made) if len(choice.values) > 1]
    for _ in range(attempts if open_choices else 0):
        choice = rng.choice(open_choices)
        place = choice.index(made[choice.name])
        value = rng.choice(choice.values[:place] + choice.values[place + 1 :])
        child = space.architecture(space.tree.completed({**made, choice.name: value}, rng))
        if child != parent and space.keeps_constraints(child):
            return child
    return None


def cross(
    space: SearchSpace, first: Architecture, second: Architecture, rng: random.Random, attempts: int = _ATTEMPTS
) -> Architecture | None:
    """Take each choice from one of two parents at random (uniform crossover); what only one of them has, from that one.

    Returns:
        A network of the space that is neither parent and keeps the constraints, or None where no attempt found one.

    Raises:
        SpaceError: A parent has a value that the space does not offer.
    """
    for _ in range(attempts):
        wanted: dict[str, Scalar] = {}
        for choice in space.tree:
            givers = [parent for parent in (first, second) if choice.name in parent.choices]
            if givers:
                wanted[choice.name] = rng.choice(givers).choices[choice.name]
        child = space.architecture(space.tree.completed(wanted, rng))
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
            other = space.architecture(space.tree.completed({**architecture.choices, choice.name: value}))
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
