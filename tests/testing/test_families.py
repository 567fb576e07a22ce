"""The contract of a family bites: each planted fault is found by the test that is there for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nasflow.families.mlp.space import MlpFamily
from nasflow.spaces import Choices, Form, Graph, NetworkCost, NetworkIO, Node, SearchSpace
from nasflow.testing.families import FamilyContract, check_drawing, measured_cost


def contract(monkeypatch: pytest.MonkeyPatch, family: type) -> FamilyContract:
    """The contract of a family that is installed for this test alone."""
    monkeypatch.setattr("nasflow.spaces.space.load_family", lambda name: family())

    class Contract(FamilyContract):
        samples = 4

    Contract.family = "planted"
    return Contract()


class Sound(MlpFamily):
    pass


class Miscounted(MlpFamily):
    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        cost = super().cost(form, io)
        return NetworkCost(cost.parameters, cost.flops + 1)


class Tuples(MlpFamily):
    def form(self, choices: Choices, options: Any) -> Form:
        form = super().form(choices, options)
        return {**form, "widths": tuple(form["widths"])}


class Remembering(MlpFamily):
    count = 0

    def form(self, choices: Choices, options: Any) -> Form:
        Remembering.count += 1
        return {**super().form(choices, options), "number": Remembering.count}


class Changed(nn.Module):
    """A network with something wrong added to it."""

    def __init__(self, network: nn.Module, fault: str) -> None:
        super().__init__()
        self.network, self.fault = network, fault
        self.unused = nn.Parameter(torch.zeros(0 if fault != "unused" else 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.fault == "in place":
            x.mul_(2)
        logits: torch.Tensor = self.network(x)
        if self.fault == "batch":
            return logits - logits.mean(0)
        if self.fault == "constant":
            return logits * 0 + self.network[-1].bias  # type: ignore[index]
        if self.fault == "infinite":
            return logits / 0
        if self.fault == "state":
            return logits + torch.rand(1)
        if self.fault == "untrained":
            return logits.detach() + 0 * logits
        return logits[:, :-1] if self.fault == "shape" else logits


def faulty(fault: str) -> type:
    class Faulty(MlpFamily):
        def build(self, form: Form, io: NetworkIO) -> nn.Module:
            return Changed(super().build(form, io), fault)

    return Faulty


class Unseeded(MlpFamily):
    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        torch.seed()
        return super().build(form, io)


class Scribbling(MlpFamily):
    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        network = super().build(form, io)
        form["widths"].append(4)
        return network


def checks(contract: FamilyContract) -> dict[str, Any]:
    return {
        "forms": contract.test_forms_are_json_and_stable,
        "left alone": contract.test_forms_are_left_alone,
        "cost": lambda: contract.test_cost_equals_the_built_network(1, 0),
        "logits": contract.test_logits,
        "alone": contract.test_samples_are_judged_alone,
        "seed": contract.test_build_repeats_by_seed,
        "gradient": contract.test_gradient_reaches_every_parameter,
        "state": contract.test_state_travels,
        "learns": contract.test_learns,
    }


def test_a_sound_family_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for check in checks(contract(monkeypatch, Sound)).values():
        check()


@pytest.mark.parametrize(
    ("family", "check"),
    [
        (Miscounted, "cost"),
        (Tuples, "forms"),
        (Remembering, "forms"),
        (Scribbling, "left alone"),
        (Unseeded, "seed"),
        (faulty("unused"), "gradient"),
        (faulty("unused"), "cost"),
        (faulty("constant"), "gradient"),
        (faulty("in place"), "logits"),
        (faulty("shape"), "logits"),
        (faulty("infinite"), "logits"),
        (faulty("batch"), "alone"),
        (faulty("state"), "state"),
        (faulty("untrained"), "learns"),
    ],
)
def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch, family: type, check: str) -> None:
    with pytest.raises(AssertionError):
        checks(contract(monkeypatch, family))[check]()


def graph(nodes: str, *edges: str) -> Graph:
    return Graph(tuple(Node(name, name) for name in nodes), tuple((edge[0], edge[1]) for edge in edges))


def test_a_good_drawing_passes() -> None:
    check_drawing(graph("abcd", "ab", "ac", "bd", "cd"))


@pytest.mark.parametrize(
    ("drawn", "complaint"),
    [
        (graph("aab", "ab"), "share an id"),
        (graph("abc", "ab"), "hangs in the air"),
        (graph("ab", "ab", "ac"), "hangs in the air"),
        (graph("ab", "ab", "ab"), "drawn twice"),
        (graph("abc", "ac", "bc"), "not one source"),
        (graph("abc", "ab", "ac"), "not one sink"),
        (graph("abcd", "ab", "bc", "cb", "cd"), "a cycle"),
        (Graph(tuple(Node(str(n), "x") for n in range(40)), ()), "40 vertices"),
        (Graph((Node("a", ""), Node("b", "b")), (("a", "b"),)), "no label"),
    ],
)
def test_a_bad_drawing_is_refused(drawn: Graph, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_drawing(drawn)


def test_cost_is_measured_in_convolutions_and_linear_layers() -> None:
    convolution = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2)
    network = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(64, 3, bias=False))
    assert measured_cost(network, NetworkIO(2, 8, 3)) == NetworkCost(36 + 4 + 192, 36 * 16 + 192)


def test_frozen_parameters_do_not_count() -> None:
    layer = nn.Linear(4, 2)
    layer.bias.requires_grad_(False)
    assert measured_cost(nn.Sequential(nn.Flatten(), layer), NetworkIO(1, 2, 2)).parameters == 8


def test_a_contract_looks_at_the_default_and_random_networks() -> None:
    class Contract(FamilyContract):
        family = "mlp"
        samples = 3

    space = Contract().space(size=8)
    assert isinstance(space, SearchSpace)
    made = Contract().architectures(space)
    assert len(made) == 4
    assert made[0] == space.architecture(space.tree.assignment(0))
    assert made == Contract().architectures(space)
    assert made[1:] != Contract().architectures(space, seed=1)[1:]
