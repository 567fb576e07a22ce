"""Search spaces: restrictions, constraints, sampling, enumeration, JSON."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from nasflow import plugins
from nasflow.errors import PluginError, SpaceError
from nasflow.spaces import (
    Architecture,
    Bound,
    Choice,
    Form,
    NetworkCost,
    NetworkIO,
    SearchSpace,
    cost_of,
    known_cost,
)
from nasflow.spaces import space as space_module
from nasflow.testing.toy import IO, ToyFamily, ToySpace, toy_space

SMALL = {"parameters": Bound(less_than=1_000)}


@pytest.fixture
def toy_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package provided the toy family."""
    provide = {"toy": ToyFamily}
    monkeypatch.setattr(
        "nasflow.spaces.family.load", lambda group, name: provide.get(name) or plugins.load(group, name)
    )
    monkeypatch.setattr(space_module, "load_family", space_module.load_family)


@pytest.mark.usefixtures("toy_installed")
class TestMakingASpace:
    def test_whole(self) -> None:
        space = SearchSpace.of("toy", IO, {"layers": 2})
        assert space.size == 110
        assert space.options == {"layers": 2}

    def test_restrictions_narrow_choices(self) -> None:
        space = SearchSpace.of(
            "toy", IO, {"layers": 2}, restrictions={"layer1.width": [64, 8], "layer2.kind": ["pool"]}
        )
        assert space.tree.by_name["layer1.width"].values == (8, 64)
        assert space.size == 6 + 6 * 1

    def test_what_a_restriction_makes_impossible_is_dropped_with_all_that_hangs_on_it(self) -> None:
        space = SearchSpace.of(
            "toy", IO, {"layers": 3}, restrictions={"depth": [1, 2], "layer2.kind": ["pool", "skip"]}
        )
        names = [choice.name for choice in space.tree]
        assert names == ["depth", "layer1.kind", "layer1.width", "layer1.activation", "layer2.kind"]
        assert space.size == 10 + 20

    @pytest.mark.parametrize(
        ("restrictions", "message"),
        [
            (
                {"layer1.wdth": [8]},
                r"space.choices: 'layer1.wdth' is no choice of family 'toy'.*Did you mean 'layer1.wid",
            ),
            ({"layer1.width": [9]}, r"layer1.width: 9 is none of \[8, 16, 32, 64\]"),
            ({"layer1.width": []}, "layer1.width: needs different values"),
            ({"layer1.width": [True]}, "layer1.width: True is none of"),
        ],
    )
    def test_wrong_restrictions_are_refused(self, restrictions: dict[str, Any], message: str) -> None:
        with pytest.raises(SpaceError, match=message):
            SearchSpace.of("toy", IO, {"layers": 2}, restrictions=restrictions)

    def test_wrong_options_are_refused(self) -> None:
        with pytest.raises(ValidationError, match="layrs"):
            SearchSpace.of("toy", IO, {"layrs": 2})

    def test_unknown_family(self) -> None:
        with pytest.raises(PluginError, match="'toyy' is none of the known families"):
            SearchSpace.of("toyy", IO)

    def test_survives_json(self) -> None:
        space = SearchSpace.of("toy", IO, {"layers": 3}, restrictions={"depth": [2, 3]}, constraints=SMALL)
        again = SearchSpace.from_json(json.loads(json.dumps(space.to_json())))
        assert again.id == space.id
        assert again.constraints == space.constraints
        assert again.io == space.io
        assert [again.at(number) for number in range(0, again.size, 50)] == [
            space.at(number) for number in range(0, space.size, 50)
        ]


def test_another_schema_version_is_refused() -> None:
    with pytest.raises(SpaceError, match="schema version 99 cannot be read; expected 1"):
        SearchSpace.from_json(toy_space().to_json() | {"schema_version": 99})


def test_everything_enters_the_id() -> None:
    spaces = [toy_space(2), toy_space(3), toy_space(2, SMALL), toy_space(2, {"flops": Bound(less_than=1_000)})]
    spaces.append(type(spaces[0])("toy", NetworkIO(3, 8, 10), spaces[0].tree, spaces[0].options))
    assert len({space.id for space in spaces}) == len(spaces)
    assert toy_space(2).id == toy_space(2).id


def test_a_family_that_declares_in_a_wrong_order_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Backwards(ToyFamily):
        def choices(self, options: Any, io: NetworkIO) -> tuple[Choice, ...]:
            return tuple(reversed(super().choices(options, io)))

    monkeypatch.setattr("nasflow.spaces.family.load", lambda group, name: Backwards)
    with pytest.raises(SpaceError, match="which is not declared before it"):
        SearchSpace.of("toy", IO)


def test_enumeration_is_complete_in_order_and_keeps_constraints() -> None:
    space, free = toy_space(2, SMALL), toy_space(2)
    everything = [free.at(number) for number in range(free.size)]
    expected = [(n, a) for n, a in enumerate(everything) if free.cost(a).parameters < 1_000]
    assert list(space.enumerate()) == expected
    assert list(space.enumerate(50)) == [(n, a) for n, a in expected if n >= 50]
    assert 0 < len(expected) < free.size


def test_canonical_size() -> None:
    # rows of two layers out of nine kinds, of one, and of none
    assert toy_space(2).canonical_size() == 81 + 9 + 1
    assert toy_space(2).canonical_size(limit=100) is None
    assert toy_space(2, SMALL).canonical_size() == len({a.id for _, a in toy_space(2, SMALL).enumerate()})


def test_admits_legal_networks_within_constraints_only() -> None:
    space, free = toy_space(2, SMALL), toy_space(2)
    small = free.architecture({"depth": 1, "layer1.kind": "pool"})
    large = free.architecture({"depth": 1, "layer1.kind": "conv", "layer1.width": 64, "layer1.activation": "relu"})
    assert space.admits(small)
    assert free.admits(large)
    assert not space.admits(large)
    assert not space.admits(Architecture("cell", small.choices, small.form))
    assert not space.admits(Architecture("toy", small.choices, large.form))
    assert not space.admits(Architecture("toy", {"depth": 1}, small.form))
    assert not space.admits(Architecture("toy", {}, small.form))
    assert not space.admits(toy_space(3).at(1_000))


def test_sampling_is_uniform_among_what_keeps_the_constraints() -> None:
    """Chi-square at 1e-6: with a right sampler and another seed, this fails once in a million."""
    from scipy.stats import chisquare

    space, rng = toy_space(2, SMALL), random.Random(0)
    numbers = [number for number, _ in space.enumerate()]
    drawn = Counter(space.tree.number(space.sample(rng).choices) for _ in range(100 * len(numbers)))
    assert set(drawn) <= set(numbers)
    assert chisquare([drawn[number] for number in numbers]).pvalue > 1e-6


def test_sampling_finds_the_needle_in_a_space_that_can_be_gone_through() -> None:
    only = Bound(less_than=100, more_than=0)
    space = toy_space(4, {"flops": Bound(less_than=11), "parameters": only})
    admitted = {a.id for _, a in space.enumerate()}
    assert len(admitted) < space.size / 1_000
    assert {space.sample(random.Random(seed)).id for seed in range(5)} <= admitted


@pytest.mark.parametrize(("layers", "which"), [(2, "none of the space's 110"), (6, "none of 10,000 sampled")])
def test_constraints_that_leave_nothing_are_explained(layers: int, which: str) -> None:
    space = toy_space(layers, {"parameters": Bound(less_than=5)})
    with pytest.raises(
        SpaceError,
        match=rf"{which} networks has parameters below 5; sampled ones have parameters from [\d,]+ to [\d,]+\. W",
    ):
        space.sample(random.Random(0))


def test_bounds() -> None:
    assert Bound(less_than=3).holds(2.9)
    assert not Bound(less_than=3).holds(3)
    assert not Bound(more_than=3).holds(3)
    assert Bound(more_than=3).holds(3.1)
    assert Bound(5, 1).holds(3)
    assert not Bound(5, 1).holds(6)
    assert Bound().holds(1e300)
    assert not any(bound.holds(float("nan")) for bound in (Bound(), Bound(1), Bound(None, 1)))
    assert [str(bound) for bound in (Bound(), Bound(1e6), Bound(None, 0.5), Bound(123456789, 1))] == [
        "",
        "below 1,000,000",
        "above 0.5",
        "below 123,456,789 and above 1",
    ]


class Failing(ToyFamily):
    """Cannot tell the cost of networks with fewer layers than `least`."""

    def __init__(self, least: int) -> None:
        self.least = least

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        if len(form["layers"]) < self.least:
            raise ValueError("a stranger's code")
        return super().cost(form, io)


def test_a_network_whose_cost_cannot_be_told_keeps_no_constraint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToySpace, "provider", Failing(2))
    space = toy_space(2, {"parameters": Bound(less_than=1e9)})
    shallow = next(one for one in map(space.at, range(space.size)) if len(one.form["layers"]) < 2)
    assert space.known_cost(shallow) is None
    assert not space.keeps_constraints(shallow)
    assert not space.admits(shallow)
    assert toy_space(2).admits(shallow)
    assert all(len(space.sample(random.Random(seed)).form["layers"]) == 2 for seed in range(20))
    assert 0 < sum(1 for _ in space.enumerate()) < space.size


def test_constraints_on_networks_that_all_fail_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToySpace, "provider", Failing(9))
    with pytest.raises(SpaceError, match=r"has parameters below 5; sampled ones have no cost, since they fail\. Widen"):
        toy_space(2, {"parameters": Bound(less_than=5)}).sample(random.Random(0))


def test_a_family_that_is_missing_has_no_cost_in_silence() -> None:
    with pytest.raises(PluginError):
        known_cost(lambda: cost_of(Architecture("absent", {}, {}), IO))


class Looking(ToyFamily):
    """Refuses images below a size, once it is asked."""

    def check_outputs(self, form: Form, io: NetworkIO) -> None:
        if io.size < 6:
            raise SpaceError(f"fails at {io.size}.")


def test_networks_are_tried_at_each_resolution_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasflow.spaces.space.load_family", lambda name: Looking())
    assert SearchSpace.of("toy", IO, beside=[Choice("input.resolution", (8, 6))]).size > 6
    with pytest.raises(SpaceError, match=r"^fails at 4\.$"):
        SearchSpace.of("toy", IO, beside=[Choice("input.resolution", (8, 4))])
