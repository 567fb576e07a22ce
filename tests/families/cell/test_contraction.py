from __future__ import annotations

import random
from itertools import product

import pytest

from nasflow.families.cell.contraction import EDGES, OPERATIONS, Contraction, contract

C3, C1, POOL, SKIP, NONE = OPERATIONS
EVERY = list(product(OPERATIONS, repeat=6))


def cell(**edges: str) -> tuple[str, ...]:
    """A cell with the named edges, `e01` from node 0 to node 1, and nothing on the others."""
    return tuple(edges.get(f"e{source}{node}", NONE) for source, node in EDGES)


def content(made: Contraction) -> tuple[object, object]:
    return made.operations, made.output


def test_an_empty_cell_is_always_zero() -> None:
    assert content(contract(cell())) == ((), ())


@pytest.mark.parametrize(
    "dead",
    [
        cell(e01=C3),  # nobody reads node 1
        cell(e12=C3, e23=C3),  # node 1 has no value
        cell(e02=POOL, e12=C1),
    ],
)
def test_without_a_path_everything_is_dead(dead: tuple[str, ...]) -> None:
    assert content(contract(dead)) == ((), ())


def test_dead_edges_do_not_count() -> None:
    alive = cell(e03=C3)
    assert content(contract(cell(e03=C3, e01=C1))) == content(contract(alive))
    assert content(contract(cell(e03=C3, e12=C1, e23=POOL))) == content(contract(alive))


def test_skips_are_contracted() -> None:
    direct = content(contract(cell(e03=C3)))
    assert direct == (((C3, (0,)),), (1,))
    assert content(contract(cell(e01=SKIP, e13=C3))) == direct
    assert content(contract(cell(e01=C3, e13=SKIP))) == direct
    assert content(contract(cell(e01=SKIP, e12=C3, e23=SKIP))) == direct


def test_a_skip_beside_another_counts_twice() -> None:
    assert content(contract(cell(e03=SKIP, e01=SKIP, e13=SKIP))) == ((), (0, 0))
    assert contract((SKIP,) * 6).output == (0, 0, 0, 0)


def test_nodes_can_be_exchanged() -> None:
    assert content(contract(cell(e01=C3, e13=C1, e02=POOL, e23=C3))) == content(
        contract(cell(e02=C3, e23=C1, e01=POOL, e13=C3))
    )


def test_a_shared_operation_stays_shared() -> None:
    shared = contract(cell(e01=C3, e13=C1, e12=SKIP, e23=POOL))
    apart = contract(cell(e01=C3, e13=C1, e02=C3, e23=POOL))
    assert [op for op, _ in shared.operations].count(C3) == 1
    assert [op for op, _ in apart.operations].count(C3) == 2
    assert content(shared) != content(apart)


def test_edges_name_where_each_operation_stood() -> None:
    rng = random.Random(0)
    for chosen in rng.sample(EVERY, 500):
        made = contract(chosen)
        assert [chosen[edge] for edge in made.edges] == [op for op, _ in made.operations]
        assert len(set(made.edges)) == len(made.edges)


def test_operations_read_earlier_ones_and_all_are_read() -> None:
    for chosen in EVERY:
        made = contract(chosen)
        for number, (_, reads) in enumerate(made.operations, 1):
            assert reads
            assert all(term < number for term in reads)
        read = {term for _, reads in made.operations for term in reads} | set(made.output)
        assert read >= set(range(1, len(made.operations) + 1))
        assert not {SKIP, NONE} & {op for op, _ in made.operations}


def sharing_graphs_match(first: Contraction, second: Contraction) -> bool:
    """Whether some renumbering of the operations makes one cell the other: the plain definition, by backtracking."""
    size = len(first.operations)
    if size != len(second.operations):
        return False

    def extended(place: dict[int, int]) -> bool:
        number = len(place)
        if number > size:
            return sorted(place[term] for term in first.output) == sorted(second.output)
        op, reads = first.operations[number - 1]
        wanted = sorted(place[term] for term in reads)
        return any(
            extended({**place, number: other})
            for other in range(1, size + 1)
            if other not in place.values()
            and second.operations[other - 1][0] == op
            and sorted(second.operations[other - 1][1]) == wanted
        )

    return extended({0: 0})


def test_different_forms_are_different_graphs() -> None:
    """No two of all forms can be renumbered into one another, so none of them is counted twice."""
    forms = {content(contract(chosen)): contract(chosen) for chosen in EVERY}
    alike: dict[tuple[object, ...], list[Contraction]] = {}
    for made in forms.values():
        operations = sorted((op, len(reads)) for op, reads in made.operations)
        alike.setdefault((tuple(operations), len(made.output)), []).append(made)
    assert len(forms) == 5425
    for group in alike.values():
        for place, first in enumerate(group):
            assert not any(sharing_graphs_match(first, second) for second in group[place + 1 :])
