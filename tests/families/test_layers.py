from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nasflow.exporting import export_onnx, verify_onnx
from nasflow.families.depthwise import DepthwiseConv
from nasflow.families.layers import (
    GlobalPool,
    Resize,
    ScaleDown,
    SqueezeExcite,
    activation,
    conv,
    conv_norm,
    initialise,
    stem,
)
from nasflow.spaces import NetworkIO


@pytest.mark.parametrize(
    ("name", "at_minus_one"),
    [
        ("relu", 0.0),
        ("silu", -1 / (1 + math.e)),
        ("gelu", -0.15866),
        ("tanh", math.tanh(-1)),
        ("sigmoid", 1 / (1 + math.e)),
    ],
)
def test_activations(name: str, at_minus_one: float) -> None:
    x = torch.tensor([-1.0])
    assert activation(name)(x).item() == pytest.approx(at_minus_one, abs=1e-4)
    assert x.item() == -1.0
    assert activation(name) is not activation(name)


def test_only_relu_writes_over_its_input_and_only_when_allowed() -> None:
    x = torch.tensor([-1.0])
    activation("silu", inplace=True)(x)
    assert x.item() == -1.0
    activation("relu", inplace=True)(x)
    assert x.item() == 0.0


@pytest.mark.parametrize("size", [2, 5, 8])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_round_up(size: int, kernel: int, stride: int) -> None:
    made = conv(2, 3, kernel, stride)(torch.zeros(1, 2, size, size))
    assert made.shape == (1, 3, -(-size // stride), -(-size // stride))


@pytest.mark.parametrize(("size", "left"), [(8, 8), (64, 64), (65, 33), (130, 33), (224, 56)])
def test_stems(size: int, left: int) -> None:
    assert nn.Sequential(*stem(1, 4, size))(torch.zeros(1, 1, size, size)).shape == (1, 4, left, left)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_a_filter_a_channel_is_a_depthwise_convolution(groups: int) -> None:
    assert isinstance(conv(6, 6, 5, groups=groups), DepthwiseConv) == (groups == 6)
    assert conv(6, 6, 5, 2, groups=groups)(torch.zeros(1, 6, 7, 7)).shape == (1, 6, 4, 4)


def test_global_pools() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert GlobalPool()(x).tolist() == [[3.0]]
    assert GlobalPool("max")(x).tolist() == [[6.0]]


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kind", ["average", "max"])
def test_global_pools_hand_gradients_back_in_channels_last_order(kind: str, memory: torch.memory_format) -> None:
    x = torch.randn(2, 3, 4, 4).contiguous(memory_format=memory).requires_grad_()
    expected = torch.randn(2, 3, 4, 4, requires_grad=True)
    expected.data.copy_(x.data)
    weights = torch.randn(2, 3)
    torch.autograd.backward((GlobalPool(kind)(x) * weights).sum())
    whole = expected.amax((2, 3)) if kind == "max" else expected.mean((2, 3))
    torch.autograd.backward((whole * weights).sum())
    assert x.grad is not None
    torch.testing.assert_close(x.grad, expected.grad)
    maps = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    seen: list[torch.Tensor] = []
    inner = maps * 1.0
    inner.register_hook(seen.append)  # type: ignore[no-untyped-call]
    torch.autograd.backward(GlobalPool(kind)(inner).sum())
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_squeeze_and_excitation_scales_channels() -> None:
    gate = SqueezeExcite(3, 4)
    x = torch.randn(2, 3, 4, 5)
    scale = gate(x) / x
    assert torch.allclose(scale, scale[:, :, :1, :1].expand_as(scale), atol=1e-5)
    assert bool(((scale > 0) & (scale < 1)).all())
    # The gate reads averages alone: what keeps them keeps the scale.
    moved = x.roll(1, dims=3)
    assert torch.allclose(gate(moved) / moved, scale, atol=1e-4)


def test_initialisation_keeps_the_size_of_gradients() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*conv_norm(16, 64, 3))
    initialise(network)
    weight = next(network.parameters())
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.05)


@pytest.mark.parametrize(("source", "target"), [(8, 6), (9, 8), (32, 16), (32, 23), (6, 8), (8, 8)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_keeps_memory_format_and_even_images(source: int, target: int, channels: int) -> None:
    for memory in (torch.contiguous_format, torch.channels_last):
        x = torch.full((2, channels, source, source), 0.3).contiguous(memory_format=memory)
        made = Resize(target)(x)
        assert made.shape == (2, channels, target, target)
        assert made.is_contiguous(memory_format=memory)
        torch.testing.assert_close(made, torch.full_like(made, 0.3))


def test_shrinking_averages_over_all_pixels() -> None:
    x = torch.zeros(1, 1, 8, 8)
    x[..., 5] = 1.0
    assert Resize(1)(x).item() == pytest.approx(0.15, abs=0.02)
    # A fine pattern of stripes becomes grey, where plain bilinear interpolation would pick single pixels.
    stripes = (torch.arange(32) % 4 < 2).float().expand(1, 1, 32, 32)
    inner = Resize(8)(stripes)[..., 1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5))


def test_an_image_of_the_size_is_left_alone() -> None:
    x = torch.randn(1, 3, 8, 8)
    assert Resize(8)(x) is x


@pytest.mark.parametrize(("source", "steps", "target"), [(32, 1, 28), (16, 1, 14), (16, 5, 8), (8, 2, 8), (4, 2, 4)])
def test_scaling_down_goes_by_the_size_of_the_images(source: int, steps: float, target: int) -> None:
    x = torch.randn(2, 3, source, source).contiguous(memory_format=torch.channels_last)
    made = ScaleDown(steps)(x)
    torch.testing.assert_close(made, Resize(target)(x), rtol=0, atol=0)
    assert made.is_contiguous(memory_format=torch.channels_last)


class Resized(nn.Module):
    """Logits that show every resized pixel."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.resize = Resize(size)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        resized: torch.Tensor = self.resize(pixels.float() / 64 - 2)
        return resized.flatten(1)


@pytest.mark.parametrize(("channels", "source", "target"), [(1, 8, 7), (3, 33, 20), (3, 10, 13), (3, 224, 31)])
def test_resizing_is_the_same_in_onnx(tmp_path: Path, channels: int, source: int, target: int) -> None:
    io = NetworkIO(channels, source, channels * target**2)
    pixels = np.random.default_rng(0).integers(0, 256, (3, source, source, channels), np.uint8)
    network = Resized(target)
    export_onnx(network, io, tmp_path / "network.onnx")
    assert verify_onnx(tmp_path / "network.onnx", network, pixels) < 1e-7  # of probabilities around one in target**2
