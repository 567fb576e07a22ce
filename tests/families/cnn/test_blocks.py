from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from nasflow.families.cnn.blocks import Block, Inception
from nasflow.families.cnn.plan import PROJECTED, BlockPlan, branch_widths
from nasflow.families.layers import SqueezeExcite

PLAN = BlockPlan("plain", 8, 8, 3, 0, 0, "none", None, 1, 6, 6)
KINDS = {"plain": 0, "separable": 8, "inverted": 16, "residual": 8, "bottleneck": 4, "inception": 8, "mixer": 16}


def made(**changes: object) -> Block:
    plan = replace(PLAN, **changes)  # type: ignore[arg-type]
    torch.manual_seed(0)
    return Block(replace(plan, hidden=KINDS[plan.kind]), "relu")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("down", "size"), [({}, 6), ({"stride": 2}, 3), ({"pool": "max"}, 3), ({"pool": "average"}, 3)]
)
@pytest.mark.parametrize("kernel", [3, 5])
def test_shapes(kind: str, down: dict[str, object], size: int, kernel: int) -> None:
    block = made(kind=kind, kernel=kernel, width=12, shortcut="projection" if kind in PROJECTED else "none", **down)
    assert block(torch.randn(2, 8, 6, 6)).shape == (2, 12, size, size)


@pytest.mark.parametrize("kind", ["plain", "separable", "inverted", "inception", "mixer"])
def test_an_identity_shortcut_adds_the_input(kind: str) -> None:
    x = torch.randn(2, 8, 6, 6)
    without, with_it = made(kind=kind), made(kind=kind, shortcut="identity")
    with_it.load_state_dict(without.state_dict())
    torch.testing.assert_close(with_it(x), without(x) + x)


def test_the_shortcut_goes_around_the_block_but_not_around_the_pooling() -> None:
    x = torch.randn(2, 8, 6, 6)
    block = made(shortcut="identity", pool="max")
    for parameter in block.body.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(block(x), nn.MaxPool2d(3, 2, 1)(x))


@pytest.mark.parametrize("kind", PROJECTED)
def test_a_residual_block_is_activated_after_the_addition(kind: str) -> None:
    block = made(kind=kind, shortcut="identity")
    for parameter in block.body.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 8, 6, 6)
    torch.testing.assert_close(block(x), x.relu())


def test_an_inverted_block_ends_linearly() -> None:
    assert made(kind="inverted")(torch.randn(4, 8, 6, 6)).min().item() < 0
    assert made(kind="mixer")(torch.randn(4, 8, 6, 6)).min().item() < 0
    assert made(kind="separable")(torch.randn(4, 8, 6, 6)).min().item() >= 0


def test_average_pooling_leaves_the_padding_out() -> None:
    block = made(pool="average")
    assert torch.equal(block.pool(torch.ones(1, 8, 5, 5)), torch.ones(1, 8, 3, 3))


@pytest.mark.parametrize(("kind", "gated"), [("separable", 8), ("inverted", 16), ("residual", 8), ("bottleneck", 4)])
def test_squeeze_and_excitation_by_kind(kind: str, gated: int) -> None:
    block = made(kind=kind, squeezed=4, shortcut="identity")
    gates = [module for module in block.modules() if isinstance(module, SqueezeExcite)]
    assert [gate.gate[0].in_features for gate in gates] == [gated]
    assert not [module for module in made(kind=kind).modules() if isinstance(module, SqueezeExcite)]


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 30])
@pytest.mark.parametrize("stride", [1, 2])
def test_branches_stand_side_by_side(width: int, stride: int) -> None:
    x = torch.randn(2, 8, 6, 6)
    inception = Inception(replace(PLAN, kind="inception", width=width, stride=stride), "relu")
    y = inception.train()(x)
    assert y.shape == (2, width, 6 // stride, 6 // stride)
    assert len(inception.branches) == len(branch_widths(width))
    # The first channels are those of the 1×1 convolution, every second pixel of them under a stride.
    first = inception.widths[0]
    torch.testing.assert_close(y[:, :first], inception.entry(x)[:, :first, ::stride, ::stride])


def test_a_branch_sees_as_far_as_its_kernels_reach() -> None:
    inception = Inception(replace(PLAN, kind="inception", kernel=5), "silu").eval()
    x = torch.zeros(1, 8, 15, 15)
    spot = x.clone()
    spot[..., 7, 7] = 1.0
    changed = (inception(spot) != inception(x)).any(dim=0)
    reach = [int(changed[start : start + 2].any(dim=0).any(dim=0).sum()) for start in (0, 2, 4, 6)]
    assert reach == [1, 5, 9, 3]
