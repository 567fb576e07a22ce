from __future__ import annotations

import pytest

from nasflow.families.resnet.space import ResnetFamily, reference_form
from nasflow.spaces import NetworkIO, SearchSpace
from nasflow.testing.families import FamilyContract, check_drawing


class TestResnet(FamilyContract):
    family = "resnet"
    samples = 2


@pytest.mark.parametrize(
    ("size", "depth"), [(8, 8), (15, 8), (16, 20), (32, 20), (48, 20), (49, 18), (64, 18), (224, 18)]
)
def test_reference_by_size(size: int, depth: int) -> None:
    assert reference_form(size) == {"depth": depth}
    space = SearchSpace.of("resnet", NetworkIO(3, size, 10))
    assert space.architecture(space.tree.assignment(0)).form == reference_form(size)
    assert space.size == 3


@pytest.mark.parametrize(
    ("depth", "io", "parameters"),
    [
        (18, NetworkIO(3, 224, 1000), 11_689_512),  # as torchvision states it
        (20, NetworkIO(3, 32, 10), 272_474),  # with 1×1 shortcuts; 269,722 with the paper's zero padding
        (8, NetworkIO(3, 32, 10), 78_042),
    ],
)
def test_known_parameters(depth: int, io: NetworkIO, parameters: int) -> None:
    assert ResnetFamily().cost({"depth": depth}, io).parameters == parameters


def test_known_flops() -> None:
    # 1.814 G is the figure torchvision gives for its ResNet-18.
    assert ResnetFamily().cost({"depth": 18}, NetworkIO(3, 224, 1000)).flops == pytest.approx(1.814e9, rel=1e-3)
    # 40.8 M is the usual figure for ResNet-20 on CIFAR-10 with zero padding; the two shortcuts add 0.26 M.
    assert ResnetFamily().cost({"depth": 20}, NetworkIO(3, 32, 10)).flops == pytest.approx(40.81e6, rel=1e-2)


@pytest.mark.parametrize("depth", [8, 20, 18])
def test_each_network_can_be_drawn(depth: int) -> None:
    graph = ResnetFamily().graph({"depth": depth})
    check_drawing(graph)
    layers = sum(2 for node in graph.nodes if node.label == "residual") + 2  # stem and logits
    assert layers == depth
