"""Moving about in a space stays in it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from nasflow.errors import SpaceError
from nasflow.spaces import Architecture, Bound, SearchSpace, cross, mutate, neighbours, vector
from nasflow.testing.toy import toy_space

SPACES = {
    "free": toy_space(4),
    "constrained": toy_space(4, {"parameters": Bound(less_than=3_000)}),
    "tiny": toy_space(1),
}


@pytest.fixture(params=sorted(SPACES))
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return SPACES[request.param]


def changed(first: Architecture, second: Architecture) -> set[str]:
    """Names of the choices that both have and that differ."""
    return {
        name for name in first.choices.keys() & second.choices.keys() if first.choices[name] != second.choices[name]
    }


def test_mutation_changes_one_choice_and_stays_in_the_space(space: SearchSpace) -> None:
    rng = random.Random(0)
    for _ in range(200):
        parent = space.sample(rng)
        child = mutate(space, parent, rng)
        assert child is not None
        assert child != parent
        assert space.admits(child)
        assert len(changed(parent, child)) == 1


def test_mutation_reaches_every_choice_and_the_branches_it_brings_to_life() -> None:
    space, rng = SPACES["free"], random.Random(0)
    parent = space.architecture({"depth": 1, "layer1.kind": "pool"})
    children = [mutate(space, parent, rng) for _ in range(300)]
    names = Counter(name for child in children if child for name in changed(parent, child))
    assert set(names) == {"depth", "layer1.kind"}
    assert {child.choices["layer1.width"] for child in children if child and "layer1.width" in child.choices} == {
        8,
        16,
        32,
        64,
    }


def test_where_there_is_nothing_else_mutation_gives_up() -> None:
    space = toy_space(1, {"flops": Bound(less_than=11)})
    pool = space.architecture({"depth": 1, "layer1.kind": "pool"})
    skip = space.architecture({"depth": 1, "layer1.kind": "skip"})
    assert {a.id for _, a in space.enumerate()} == {pool.id, skip.id}
    assert mutate(space, pool, random.Random(0)) == skip
    nothing = toy_space(1, {"flops": Bound(less_than=1)})
    assert mutate(nothing, pool, random.Random(0)) is None
    assert cross(nothing, pool, skip, random.Random(0)) is None


def test_foreign_parents_are_refused() -> None:
    foreign = toy_space(4).at(11_000)
    with pytest.raises(SpaceError):
        mutate(toy_space(1), foreign, random.Random(0))
    with pytest.raises(SpaceError, match="depth: 4 is none of"):
        cross(toy_space(1), foreign, foreign, random.Random(0))


def test_crossing_takes_from_both_parents_and_stays_in_the_space() -> None:
    rng = random.Random(0)
    for space in (SPACES["free"], SPACES["constrained"]):
        crossed = 0
        for _ in range(200):
            first, second = space.sample(rng), space.sample(rng)
            child = cross(space, first, second, rng)
            if child is None:
                continue
            crossed += 1
            assert child not in (first, second)
            assert space.admits(child)
            for name, value in child.choices.items():
                given = [parent.choices[name] for parent in (first, second) if name in parent.choices]
                assert not given or value in given
        assert crossed > 100


def test_crossing_of_a_network_with_itself_gives_nothing() -> None:
    space, rng = SPACES["free"], random.Random(0)
    parent = space.sample(rng)
    assert cross(space, parent, parent, rng) is None


def test_variation_repeats_with_the_seed(space: SearchSpace) -> None:
    first, second = space.sample(random.Random(1)), space.sample(random.Random(2))
    assert mutate(space, first, random.Random(3)) == mutate(space, first, random.Random(3))
    assert cross(space, first, second, random.Random(3)) == cross(space, first, second, random.Random(3))


def test_neighbours_are_all_that_differ_in_one_choice(space: SearchSpace) -> None:
    rng = random.Random(0)
    for _ in range(20):
        centre = space.sample(rng)
        found = list(neighbours(space, centre))
        assert len({other.id for other in found}) == len(found)
        expected = set()
        for choice in space.tree.active(centre.choices):
            for value in choice.values:
                other = space.architecture(space.tree.completed({**centre.choices, choice.name: value}))
                if other != centre and space.keeps_constraints(other):
                    expected.add(other.id)
        assert {other.id for other in found} == expected
        assert all(space.admits(other) and len(changed(centre, other)) == 1 for other in found)


def test_the_vector_names_each_assignment() -> None:
    space = toy_space(2)
    vectors = [vector(space, space.at(number)) for number in range(space.size)]
    assert len({tuple(encoded) for encoded in vectors}) == space.size
    assert {len(encoded) for encoded in vectors} == {sum(len(choice.values) for choice in space.tree)}
    assert {place for encoded in vectors for place in encoded} == {0.0, 1.0}


def test_the_vector_has_one_place_a_value() -> None:
    space = toy_space(1)
    conv = {"depth": 1, "layer1.kind": "conv", "layer1.width": 16, "layer1.activation": "silu"}
    assert vector(space, space.architecture(conv)) == [1, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    pool = {"depth": 1, "layer1.kind": "pool"}
    assert vector(space, space.architecture(pool)) == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
