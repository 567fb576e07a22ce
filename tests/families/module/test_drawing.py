from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasflow import choose
from nasflow.delivery.report.drawing import draw as as_svg
from nasflow.errors import SpaceError
from nasflow.families.module.drawing import MOST_VERTICES, draw
from nasflow.spaces import Graph, NetworkIO
from nasflow.testing.families import check_drawing


class Runs(nn.Module):
    """Runs a function of itself and the image."""

    def __init__(self, run: Callable[[nn.Module, Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def conv(fan_in: int = 3, fan_out: int = 8) -> nn.Conv2d:
    return nn.Conv2d(fan_in, fan_out, 3, padding=1)


def drawn(network: nn.Module) -> tuple[list[str], list[str]]:
    """Return vertices and edges of a drawing in words; it is a legal one."""
    return words(draw(lambda io: network, {}))


def words(graph: Graph) -> tuple[list[str], list[str]]:
    check_drawing(graph)
    assert as_svg(graph, "a network").startswith("<svg")
    nodes = [f"{node.label} {node.detail}".strip() for node in graph.nodes]
    place = {node.id: str(number) for number, node in enumerate(graph.nodes)}
    return nodes, [f"{place[source]}-{place[target]}" for source, target in graph.edges]


def test_trailing_layers_are_told_of_at_the_layer_before() -> None:
    layers = [
        conv(),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Dropout(0.1),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
    ]
    nodes, edges = drawn(nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 10)))
    assert nodes == [
        "image",
        "convolution 3×3, 8, batch norm, ReLU, dropout 0.1",
        "max pooling 2×2, stride 2",
        "global pooling average",
        "logits linear",
    ]
    assert edges == ["0-1", "1-2", "2-3", "3-4"]


def test_functions_are_drawn_too() -> None:
    def run(net: nn.Module, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(net.a(x)), 2)
        return net.last(x.mean((2, 3)))

    nodes, _ = drawn(Runs(run, a=conv(), last=nn.Linear(8, 10)))
    assert nodes == ["image", "convolution 3×3, 8, ReLU", "max pooling", "mean", "logits linear"]


def test_a_shortcut_is_an_addition() -> None:
    def run(net: nn.Module, x: Tensor) -> Tensor:
        x = net.a(x)
        x = x + net.norm(net.b(x)).relu()
        return net.last(x.mean((2, 3)))

    nodes, edges = drawn(Runs(run, a=conv(), b=conv(8), norm=nn.BatchNorm2d(8), last=nn.Linear(8, 10)))
    assert nodes[1:4] == ["convolution 3×3, 8", "convolution 3×3, 8, batch norm, ReLU", "+"]
    assert edges == ["0-1", "1-2", "1-3", "2-3", "3-4", "4-5"]


def test_an_addition_in_place() -> None:
    def run(net: nn.Module, x: Tensor) -> Tensor:
        x = net.a(x)
        y = net.b(x)
        y += x
        return net.last(y.relu_().mean((2, 3)))

    nodes, edges = drawn(Runs(run, a=conv(), b=conv(8), last=nn.Linear(8, 10)))
    assert nodes[3:5] == ["+ ReLU", "mean"]
    assert {"1-3", "2-3"} <= set(edges)


def test_what_two_read_keeps_its_activation_apart() -> None:
    """Pre-activation: the sum is read by the shortcut and by the normalisation, which is drawn on its own."""

    def run(net: nn.Module, x: Tensor) -> Tensor:
        x = net.a(x)
        x = x + net.b(net.norm(x))
        return net.last(x.mean((2, 3)))

    nodes, edges = drawn(Runs(run, a=conv(), norm=nn.BatchNorm2d(8), b=conv(8), last=nn.Linear(8, 10)))
    assert nodes[1:5] == ["convolution 3×3, 8", "batch norm", "convolution 3×3, 8", "+"]
    assert edges[:5] == ["0-1", "1-2", "2-3", "1-4", "3-4"]


def test_branches_are_concatenated() -> None:
    def run(net: nn.Module, x: Tensor) -> Tensor:
        return net.last(torch.cat([net.a(x), net.b(x)], 1).mean((2, 3)))

    nodes, edges = drawn(Runs(run, a=conv(), b=conv(), last=nn.Linear(16, 10)))
    assert nodes[3] == "concatenate"
    assert edges == ["0-1", "0-2", "1-3", "2-3", "3-4", "4-5"]


def test_logits_of_two_heads() -> None:
    def run(net: nn.Module, x: Tensor) -> Tensor:
        return net.a(x).mean((2, 3)) * net.b(x).mean((2, 3))

    nodes, edges = drawn(Runs(run, a=conv(3, 10), b=conv(3, 10)))
    assert nodes[-1] == "×"
    assert [edge for edge in edges if edge.endswith("-5")] == ["2-5", "4-5"]


def test_layers_that_reach_no_output_are_left_out() -> None:
    def run(net: nn.Module, x: Tensor) -> Tensor:
        net.unused(x)
        return net.last(net.a(x).mean((2, 3)))

    nodes, _ = drawn(Runs(run, a=conv(), unused=conv(), last=nn.Linear(8, 10)))
    assert nodes == ["image", "convolution 3×3, 8", "mean", "logits linear"]


def test_what_no_image_reaches_is_left_out() -> None:
    """A learned position is no layer of the image's."""

    def run(net: nn.Module, x: Tensor) -> Tensor:
        return net.last(net.a(x).mean((2, 3)) + net.position(torch.zeros(1, dtype=torch.int64, device=x.device)))

    nodes, _ = drawn(Runs(run, a=conv(), position=nn.Embedding(1, 8), last=nn.Linear(8, 10)))
    assert nodes == ["image", "convolution 3×3, 8", "mean", "logits linear"]


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(8), nn.ReLU(), conv(8))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


@pytest.mark.parametrize(("blocks", "vertices"), [(3, 13), (11, 37), (12, 16), (30, 34)])
def test_a_deep_network_is_drawn_by_its_blocks(blocks: int, vertices: int) -> None:
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)]
    nodes, _ = drawn(nn.Sequential(conv(), *(Block() for _ in range(blocks)), *tail))
    assert len(nodes) == vertices <= MOST_VERTICES
    assert ("block" in nodes) is (blocks > 11)


def test_a_layer_used_twice_is_drawn_twice() -> None:
    shared = conv(8)
    nodes, _ = drawn(nn.Sequential(conv(), shared, shared, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)))
    assert nodes.count("convolution 3×3, 8") == 3


def test_images_are_found_for_which_the_choices_are_these() -> None:
    sizes = []

    def construct(io: NetworkIO) -> nn.Module:
        sizes.append(io.size)
        for stage in range(2, io.size.bit_length()):
            choose(f"stage{stage}", 1, 2)
        return nn.Sequential(conv(io.channels), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, io.outputs))

    nodes, _ = words(draw(construct, {"stage2": 1, "stage3": 2}))
    assert len(nodes) == 4
    assert sizes[-1] == 8


def test_grey_images_alone() -> None:
    def construct(io: NetworkIO) -> nn.Module:
        return nn.Sequential(conv(1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, io.outputs))

    assert len(words(draw(construct, {}))[0]) == 4


def test_a_network_that_always_fails_says_why() -> None:
    def construct(io: NetworkIO) -> nn.Module:
        raise ValueError("never")

    with pytest.raises(SpaceError, match="ValueError: never"):
        draw(construct, {})
    with pytest.raises(SpaceError, match="makes other choices than these for images of every usual size"):
        draw(lambda io: conv(), {"width": 1})
