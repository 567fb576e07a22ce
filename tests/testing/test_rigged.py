from __future__ import annotations

import random

import pytest
import torch

from nasflow.spaces import NetworkIO, SearchSpace, load_family
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import BEHAVIOURS, RIGGED, RiggedFamily, rigged

IO = NetworkIO(3, 8, 5)
HARMLESS = ("good", "nan", "raise", "out_of_memory")


@pytest.fixture
def space(tmp_path):
    with installed(tmp_path, RIGGED):
        yield SearchSpace.of("rigged", IO, {"step": 3})


@pytest.mark.usefixtures("space")
def test_is_a_family_once_installed():
    assert isinstance(load_family("rigged"), RiggedFamily)


def test_every_behaviour_can_be_drawn(space):
    drawn = [space.sample(random.Random(seed)) for seed in range(200)]
    assert {architecture.choices["behaviour"] for architecture in drawn} == set(BEHAVIOURS)
    assert all(architecture.form["step"] == 3 for architecture in drawn)


@pytest.mark.parametrize("width", [8, 32])
def test_costs_are_those_of_the_network(width):
    family = RiggedFamily()
    form = rigged("good", width).form
    network = family.build(form, IO)
    assert sum(p.numel() for p in network.parameters()) == family.cost(form, IO).parameters
    assert network(torch.zeros(4, 3, 8, 8)).shape == (4, 5)
    assert "good" in family.graph(form).nodes[0].detail


class TestFaults:
    def outputs(self, behaviour: str, step: int, count: int) -> list[torch.Tensor]:
        network = RiggedFamily().build(rigged(behaviour, step=step).form, IO).train()
        return [network(torch.ones(4, 3, 8, 8)) for _ in range(count)]

    def test_come_at_their_step(self):
        finite = [bool(output.isfinite().all()) for output in self.outputs("nan", 3, 4)]
        assert finite == [True, True, False, False]

    def test_come_in_training_only(self):
        network = RiggedFamily().build(rigged("raise").form, IO).eval()
        assert network(torch.ones(4, 3, 8, 8)).isfinite().all()

    def test_are_counted_across_checkpoints(self):
        first, second = (RiggedFamily().build(rigged("raise", step=2).form, IO).train() for _ in range(2))
        first(torch.ones(4, 3, 8, 8))
        second.load_state_dict(first.state_dict())
        with pytest.raises(TypeError, match="rigged"):
            second(torch.ones(4, 3, 8, 8))

    def test_of_memory_and_of_building(self):
        with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
            self.outputs("out_of_memory", 1, 1)
        with pytest.raises(ValueError, match="cannot be built"):
            self.outputs("unbuilt", 1, 1)

    def test_every_behaviour_but_two_has_one(self):
        from nasflow.testing.rigged_model import _FAULTS

        assert set(BEHAVIOURS) - set(_FAULTS) == {"good", "unbuilt"}
