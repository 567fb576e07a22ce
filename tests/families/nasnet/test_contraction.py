from __future__ import annotations

import random

import pytest

from nasflow.families.nasnet.contraction import (
    FACTORISED,
    NONE,
    OPERATIONS,
    POOLS,
    SKIP,
    Cell,
    Concat,
    Pair,
    contract,
)
from nasflow.families.nasnet.ordering import Dag

SEP, CONV, MAX, AVG = "sep_conv_3x3", "conv_3x3", "max_pool_3x3", "avg_pool_3x3"
NOTHING = (0, NONE)
Node = tuple[Pair, Pair]


def cell(*nodes: Node, stride: int = 1, concat: Concat = "loose") -> Cell:
    return Cell(nodes, stride, concat)


def dag(*nodes: Node, stride: int = 1, concat: Concat = "loose") -> Dag:
    return contract(cell(*nodes, stride=stride, concat=concat)).dag


def random_cell(rng: random.Random, operations: tuple[str, ...] = OPERATIONS, nodes: int = 4) -> Cell:
    def pair(node: int) -> Pair:
        return rng.randrange(2 + node), rng.choice(operations)

    concat: Concat = rng.choice(("loose", "all"))
    return Cell(tuple((pair(node), pair(node)) for node in range(nodes)), rng.choice((1, 2)), concat)


def renumbered(made: Cell, order: list[int]) -> Cell:
    """The cell with its nodes in another order, one in which each reads earlier nodes."""
    place = {0: 0, 1: 1} | {2 + old: 2 + new for new, old in enumerate(order)}
    nodes = []
    for old in order:
        (first, op), (second, other) = made.nodes[old]
        nodes.append(((place[second], other), (place[first], op)))
    return Cell(tuple(nodes), made.stride, made.concat)


def test_pairs_and_nodes_can_be_exchanged() -> None:
    rng = random.Random(0)
    exchanged = 0
    for _ in range(400):
        made = random_cell(rng)
        order = rng.sample(range(4), 4)
        free = all(
            order.index(source - 2) < order.index(node)
            for node in range(4)
            for source, _ in made.nodes[node]
            if source > 1
        )
        if free:
            exchanged += order != [0, 1, 2, 3]
            assert contract(renumbered(made, order)) == contract(made)
    assert exchanged > 20


def test_two_operations_on_one_input_have_weights_of_their_own() -> None:
    assert dag(((0, CONV), (0, CONV))).operations == ((CONV, (0,)), (CONV, (0,)))
    shared = dag(((0, CONV), NOTHING), ((2, SKIP), (1, SEP)), ((2, SKIP), (1, MAX)))
    apart = dag(((0, CONV), (1, SEP)), ((0, CONV), (1, MAX)))
    assert shared != apart
    assert [op for op, _ in shared.operations].count(CONV) == 1
    assert [op for op, _ in apart.operations].count(CONV) == 2


@pytest.mark.parametrize("pool", POOLS)
def test_a_pooling_of_one_value_is_one_term(pool: str) -> None:
    assert dag(((0, pool), (0, pool))) == Dag(1, ((pool, (0,)),), ((1, 1),))
    apart = dag(((0, pool), (1, SEP)), ((0, pool), (1, CONV)))
    shared = dag(((0, pool), NOTHING), ((2, SKIP), (1, SEP)), ((2, SKIP), (1, CONV)))
    assert apart == shared
    chained = dag(((0, pool), NOTHING), ((2, pool), NOTHING), ((0, pool), NOTHING), ((4, pool), (3, SKIP)))
    assert chained.operations == ((pool, (0,)), (pool, (1,)))


def test_skips_are_contracted() -> None:
    direct = dag(((0, CONV), (1, SEP)))
    assert dag(((0, SKIP), NOTHING), ((2, CONV), (1, SEP))) == direct
    assert dag(((0, CONV), (1, SEP)), ((2, SKIP), NOTHING)) == direct
    assert dag(((0, SKIP), (0, SKIP)), ((2, SKIP), (2, SKIP))) == Dag(1, (), ((0, 0, 0, 0),))


def test_a_skip_that_halves_is_an_operation() -> None:
    assert dag(((0, SKIP), (0, SKIP)), stride=2).operations == ((FACTORISED, (0,)), (FACTORISED, (0,)))
    assert dag(((0, CONV), (1, SEP)), ((2, SKIP), NOTHING), stride=2) == dag(((0, CONV), (1, SEP)), stride=2)


def test_dead_edges_do_not_count() -> None:
    direct = dag(((0, CONV), (1, SEP)))
    assert dag(((0, CONV), (1, SEP)), (NOTHING, (2, NONE))) == direct
    assert dag((NOTHING, NOTHING), ((0, CONV), (1, SEP)), ((2, CONV), (2, SKIP))) == direct


@pytest.mark.parametrize("concat", ["loose", "all"])
def test_a_cell_of_nothing_has_no_output(concat: Concat) -> None:
    made = contract(cell((NOTHING, NOTHING), ((2, CONV), (1, NONE)), concat=concat))
    assert made.inputs == ()
    assert made.dag == Dag(0, (), ())


def test_what_goes_out() -> None:
    nodes: tuple[Node, ...] = (((0, CONV), (1, SEP)), ((2, MAX), (2, AVG)))
    assert len(dag(*nodes).outputs) == 1
    assert len(dag(*nodes, concat="all").outputs) == 2
    unread: tuple[Node, ...] = (((0, CONV), (1, SEP)), ((2, NONE), (0, CONV)))
    assert len(dag(*unread).outputs) == 2


def test_unused_inputs_are_left_out() -> None:
    made = contract(cell(((1, CONV), NOTHING)))
    assert made.inputs == (1,)
    assert made.dag == Dag(1, ((CONV, (0,)),), ((1,),))


def test_what_reads_a_missing_input_is_gone() -> None:
    whole = cell(((0, CONV), (1, SEP)), ((2, CONV), (1, MAX)), ((1, CONV), (1, AVG)))
    made = contract(whole, frozenset({0}))
    assert made == contract(cell(((0, CONV), NOTHING), ((2, CONV), NOTHING)))
    assert contract(whole, frozenset()).dag == Dag(0, (), ())


def test_operations_read_earlier_terms_and_all_reach_the_output() -> None:
    rng = random.Random(1)
    for _ in range(500):
        made = contract(random_cell(rng, nodes=7))
        graph = made.dag
        assert graph.inputs == len(made.inputs)
        read = {term for terms in graph.outputs for term in terms}
        for number, (op, reads) in enumerate(graph.operations, graph.inputs):
            assert reads
            assert all(term < number for term in reads)
            assert op not in (SKIP, NONE)
            read |= set(reads)
        assert read == set(range(graph.inputs + len(graph.operations)))


def test_a_mirrored_cell_exchanges_its_inputs() -> None:
    made = cell(((0, CONV), (1, SEP)), ((2, MAX), (0, SKIP)))
    mirrored = made.mirrored()
    assert mirrored == cell(((1, CONV), (0, SEP)), ((2, MAX), (1, SKIP)))
    assert mirrored.mirrored() == made
