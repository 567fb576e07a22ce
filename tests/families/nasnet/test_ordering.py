from __future__ import annotations

import random
from itertools import permutations

import pytest

from nasflow.families.nasnet.ordering import Dag, Terms, ordered


def random_dag(rng: random.Random, operations: int, names: str = "ab") -> Dag:
    """Few names and short sums, so that many vertices look alike."""
    made: list[tuple[str, Terms]] = []
    for number in range(2, 2 + operations):
        reads = sorted(rng.choices(range(number), k=rng.choice((1, 1, 2))))
        made.append((rng.choice(names), tuple(reads)))
    outputs = [tuple(sorted(rng.choices(range(2 + operations), k=rng.choice((1, 2))))) for _ in range(2)]
    return Dag(2, tuple(made), tuple(outputs))


def renumbered(dag: Dag, order: tuple[int, ...]) -> Dag | None:
    """The same graph with its operations in another order, or None where one would read a later one."""
    place = {0: 0, 1: 1} | {old: new for new, old in enumerate(order, 2)}
    operations = []
    for new, old in enumerate(order, 2):
        name, reads = dag.operations[old - 2]
        if any(place[term] >= new for term in reads):
            return None
        operations.append((name, tuple(sorted(place[term] for term in reads))))
    outputs = tuple(tuple(sorted(place[term] for term in terms)) for terms in dag.outputs)
    return Dag(2, tuple(operations), outputs[::-1])


def test_every_numbering_has_one_order() -> None:
    rng = random.Random(0)
    for _ in range(60):
        dag = random_dag(rng, 5)
        numberings = [renumbered(dag, order) for order in permutations(range(2, 7))]
        assert {ordered(made) for made in numberings if made is not None} == {ordered(dag)}


def test_the_order_is_a_numbering_of_the_same_graph() -> None:
    """So graphs of one order are one graph: nothing is added, lost or joined otherwise."""
    rng = random.Random(1)
    for _ in range(60):
        dag = random_dag(rng, 5)
        made = ordered(dag)
        same = (renumbered(dag, order) for order in permutations(range(2, 7)))
        assert any(
            found is not None and found.operations == made.operations and sorted(found.outputs) == sorted(made.outputs)
            for found in same
        )


def test_ordering_again_changes_nothing() -> None:
    rng = random.Random(2)
    for _ in range(200):
        made = ordered(random_dag(rng, 10))
        assert ordered(made) == made


def test_what_looks_alike_one_by_one_is_told_apart() -> None:
    """Two rings of three and one of six: each vertex reads, and is read, alike in both."""
    readers = [(0,), (0,), (0,), (0,), (0,), (0,)]

    def rings(pairs: list[tuple[int, int]]) -> Dag:
        operations = [("a", reads) for reads in readers] + [("b", (1 + p, 1 + q)) for p, q in pairs]
        return Dag(1, tuple(operations), tuple((7 + k,) for k in range(6)))

    threes = rings([(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)])
    six = rings([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)])
    shuffled = rings([(2, 3), (0, 5), (1, 2), (4, 5), (3, 4), (0, 1)])
    assert ordered(threes) != ordered(six)
    assert ordered(shuffled) == ordered(six)


@pytest.mark.parametrize("alike", [14, 24])
def test_full_symmetry_costs_little(alike: int) -> None:
    """Trying every order of so many equal operations would never end."""
    operations = tuple(("a", (0,)) for _ in range(alike))
    outputs = tuple((1 + k, 2 + k) for k in range(0, alike, 2))
    assert ordered(Dag(1, operations, outputs)).outputs == outputs


def test_inputs_keep_their_places() -> None:
    first = Dag(2, (("a", (0,)), ("b", (1,))), ((2, 3),))
    second = Dag(2, (("a", (1,)), ("b", (0,))), ((2, 3),))
    assert ordered(first) == first
    assert ordered(second) != ordered(first)


def test_a_graph_without_operations_is_its_outputs() -> None:
    assert ordered(Dag(2, (), ((1,), (0, 1), (0,)))) == Dag(2, (), ((0,), (0, 1), (1,)))
    assert ordered(Dag(0, (), ())) == Dag(0, (), ())
