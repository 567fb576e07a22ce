from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from nasflow.families.depthwise import DepthwiseConv

KERNELS = [1, 3, 5, 7, 9]


def pair(width: int, kernel: int, stride: int) -> tuple[nn.Conv2d, DepthwiseConv]:
    """The convolution of torch and ours, with the same weights, in double precision."""
    torch.manual_seed(kernel)
    plain = nn.Conv2d(width, width, kernel, stride, kernel // 2, groups=width, bias=False).double()
    ours = DepthwiseConv(width, kernel, stride).double()
    ours.load_state_dict(plain.state_dict())
    return plain, ours


def gradients(layer: nn.Conv2d, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    x = x.clone().requires_grad_()
    made = layer(x)
    of_output = torch.randn(made.shape, generator=torch.Generator().manual_seed(1), dtype=made.dtype)
    return (made.detach(), *torch.autograd.grad(made, (x, layer.weight), of_output))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 16, 11, 13), (3, 2, 12, 9), (2, 4, 3, 3), (2, 3, 5, 8)])
def test_numbers_are_those_of_torch(kernel: int, stride: int, shape: tuple[int, ...]) -> None:
    plain, ours = pair(shape[1], kernel, stride)
    for memory in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=memory)
        for made, expected in zip(gradients(ours, x), gradients(plain, x), strict=True):
            torch.testing.assert_close(made, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("kernel", "size", "stride", "striped"), [(5, 8, 1, True), (5, 7, 1, False), (5, 8, 2, False)])
def test_strips_where_they_pay(kernel: int, size: int, stride: int, striped: bool) -> None:
    made = DepthwiseConv(4, kernel, stride)(torch.randn(1, 4, size, size))
    assert (type(made.grad_fn).__name__ == "_StripedConvBackward") == striped


def test_frozen_weights_and_evaluation_take_the_plain_way() -> None:
    layer, x = DepthwiseConv(4, 5), torch.randn(1, 4, 8, 8, requires_grad=True)
    with torch.no_grad():
        assert layer(x).grad_fn is None
    layer.requires_grad_(False)
    made = layer(x)
    made.sum().backward()
    assert "Striped" not in type(made.grad_fn).__name__
    assert x.grad is not None


def test_an_image_needs_no_gradient() -> None:
    layer = DepthwiseConv(4, 5)
    layer(torch.randn(1, 4, 8, 8)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.shape == (4, 1, 5, 5)


def test_it_is_an_ordinary_convolution_to_others() -> None:
    layer = DepthwiseConv(6, 7, 2)
    assert isinstance(layer, nn.Conv2d)
    assert (layer.kernel_size, layer.stride, layer.padding, layer.groups) == ((7, 7), (2, 2), (3, 3), 6)
    assert layer.bias is None
    again = deepcopy(layer)
    assert torch.equal(again.weight, layer.weight)
