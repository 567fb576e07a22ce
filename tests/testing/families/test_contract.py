"""The contract of a family bites: each planted fault is found by the test that is there for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nasflow.families.mlp.space import MlpFamily
from nasflow.spaces import Form, NetworkCost, NetworkIO
from nasflow.testing.families.contract import FamilyContract


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
