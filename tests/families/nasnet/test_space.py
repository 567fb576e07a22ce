from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from nasflow.families.nasnet.contraction import OPERATIONS
from nasflow.families.nasnet.space import NasnetFamily, NasnetOptions
from nasflow.spaces import NetworkIO, SearchSpace, cross, mutate, neighbours
from nasflow.testing.families import FamilyContract

FAMILY = NasnetFamily()
DIGITS, CIFAR = NetworkIO(1, 8, 10), NetworkIO(3, 32, 10)


class TestNasnet(FamilyContract):
    family = "nasnet"
    samples = 8


class TestAllNodesOfSmallCells(FamilyContract):
    """DARTS' way out of a cell, one cell for both, and `none` often enough for dead nodes."""

    family = "nasnet"
    options = {
        "nodes": 2,
        "width": [3, 4],
        "stacks": [1, 2],
        "reductions": [1, 0],
        "share": True,
        "concat": "all",
        "operations": ["conv_3x3", "skip_connect", "none", "avg_pool_3x3"],
    }
    samples = 8


def space(io: NetworkIO = CIFAR, **options: Any) -> SearchSpace:
    return SearchSpace.of("nasnet", io, options)


def test_a_node_reads_both_inputs_and_earlier_nodes() -> None:
    tree = space().tree.by_name
    assert set(tree["normal.node1.input1"].values) == {"last", "before_last"}
    assert set(tree["reduction.node4.input2"].values) == {"last", "before_last", "node1", "node2", "node3"}
    assert tree["normal.node2.op1"].values == OPERATIONS
    assert [tree[f"normal.node3.input{k}"].values[0] for k in (1, 2)] == ["last", "before_last"]


@pytest.mark.parametrize(("nodes", "inputs"), [(2, 2 * 3), (4, 2 * 3 * 4 * 5)])
def test_the_size_of_the_space(nodes: int, inputs: int) -> None:
    cell = inputs**2 * len(OPERATIONS) ** (2 * nodes)
    assert space(nodes=nodes).size == cell**2
    assert space(nodes=nodes, share=True).size == cell
    assert space(nodes=nodes, reductions=[0, 1, 2]).size == cell + 2 * cell**2


@pytest.mark.parametrize(
    ("size", "wanted", "offered"),
    [(8, 2, (2,)), (8, 5, (2,)), (8, [1, 3, 4], (1, 2)), (224, 5, (5,)), (32, [2, 0], (2, 0))],
)
def test_small_images_are_reduced_less_often(size: int, wanted: Any, offered: tuple[int, ...]) -> None:
    assert space(NetworkIO(3, size, 5), reductions=wanted).tree.by_name["reductions"].values == offered


def test_reduction_choices_exist_where_there_is_a_reduction() -> None:
    assert not any(choice.name.startswith("reduction.") for choice in space(reductions=0).tree)
    assert not any(choice.name.startswith("reduction.") for choice in space(share=True).tree)
    tree = space(reductions=[0, 1]).tree
    assert tree.by_name["reduction.node1.op1"].parent == "reductions"
    assert not any(choice.name.startswith("reduction.") for choice in tree.active({"reductions": 0}))


def test_values_of_one_are_choices_too() -> None:
    tree = space(width=[8, 16], stacks=2).tree.by_name
    assert tree["width"].values == (8, 16)
    assert tree["stacks"].values == (2,)
    assert [FAMILY.form(space(width=[8, 16]).at(0).choices, NasnetOptions())["width"]] == [8]


def test_a_shared_cell_is_both() -> None:
    shared = space(share=True)
    architecture = shared.sample(random.Random(0))
    doubled = {
        **architecture.choices,
        **{
            name.replace("normal.", "reduction."): value
            for name, value in architecture.choices.items()
            if name.startswith("normal.")
        },
    }
    assert space().architecture(doubled) == architecture


def test_an_unused_reduction_cell_does_not_count() -> None:
    """Where a normal cell reads the cell before the last one alone, reduction cells are passed by."""
    rng = random.Random(0)
    made = {choice.name: choice.values[0] for choice in space().tree}
    made |= {name: "before_last" for name in made if name.startswith("normal.") and ".input" in name}
    forms = set()
    for _ in range(5):
        other = space().sample(rng).choices
        forms.add(space().architecture({**made, **{k: v for k, v in other.items() if k.startswith("reduction.")}}).id)
    assert len(forms) == 1


def test_relatives_are_legal() -> None:
    """Changed, crossed and neighbouring networks keep to the tree, whether or not they have reductions."""
    made = space(reductions=[0, 2], nodes=2)
    rng = random.Random(1)
    parents = [made.sample(rng) for _ in range(6)]
    for first, second in pairwise(parents):
        for child in (mutate(made, first, rng), cross(made, first, second, rng)):
            assert child is not None
            assert made.admits(child)
    assert all(made.admits(other) for other in neighbours(made, parents[0]))


def test_exhausted_small_spaces_hold_different_functions() -> None:
    """All choices of one node's pairs, counted by hand; both inputs are the stem."""
    small = space(nodes=2, reductions=0, operations=["conv_1x1", "none"])
    narrowed = SearchSpace.of(
        "nasnet",
        CIFAR,
        small.options,
        restrictions={
            f"normal.node2.{part}{k}": [value] for k in (1, 2) for part, value in (("input", "last"), ("op", "none"))
        },
    )
    assert narrowed.size == 16
    # Nothing; one convolution, on either input; two on one input; one on each.
    assert narrowed.canonical_size() == 4


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"nodes": 1}, "greater than or equal to 2"),
        ({"nodes": 8}, "less than or equal to 7"),
        ({"operations": []}, "one value or several"),
        ({"operations": ["none", "none"]}, "different"),
        ({"operations": ["sep_conv_3x2"]}, "Did you mean 'sep_conv_3x3'"),
        ({"width": 0}, "greater than or equal to 1"),
        ({"width": [8, 8]}, "different"),
        ({"stacks": []}, "one value or several"),
        ({"stacks": 0}, "greater than or equal to 1"),
        ({"reductions": -1}, "greater than or equal to 0"),
        ({"concat": "some"}, "loose"),
        ({"cells": 5}, "cells"),
    ],
)
def test_options_are_checked(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        NasnetOptions.model_validate(options)
