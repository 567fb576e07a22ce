from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from nasflow.families.nasnet.contraction import FACTORISED, NONE, OPERATIONS, POOLS, SKIP
from nasflow.families.nasnet.operations import Dilated, FactorisedReduction, fitting, is_rectified, operation

LIVE = [op for op in (*OPERATIONS, FACTORISED) if op not in (SKIP, NONE)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Maps this small are computed faster in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("op", LIVE)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 8, 9])
def test_maps_keep_their_size_or_are_halved_rounding_up(op: str, stride: int, size: int) -> None:
    if op == FACTORISED and stride == 1:
        return
    made = operation(op, 4, size, stride, 2)(torch.randn(2, 4, size, size))
    assert made.shape == (2, 4, -(-size // stride), -(-size // stride))


def test_kernels_and_repeats() -> None:
    def kernels(op: str, size: int, stride: int = 1, repeats: int = 2) -> list[int]:
        made = operation(op, 4, size, stride, repeats)
        return [m.kernel_size[0] for m in made.modules() if isinstance(m, nn.Conv2d)]

    assert kernels("sep_conv_5x5", 8) == [5, 1, 5, 1]
    assert kernels("sep_conv_5x5", 4, 2) == [5, 1, 3, 1]
    assert kernels("sep_conv_3x3", 8, repeats=1) == [3, 1]
    assert kernels("dil_conv_5x5", 8) == [5, 1]
    assert kernels("dil_conv_5x5", 4) == [3, 1]
    assert kernels("dil_conv_3x3", 2) == [1, 1]
    assert kernels("conv_3x3", 8) == [3]
    assert kernels("conv_1x1", 8) == [1]


@pytest.mark.parametrize("op", ["sep_conv_5x5", "dil_conv_5x5", "conv_3x3"])
@pytest.mark.parametrize("size", [2, 4])
def test_weights_left_out_would_see_padding_alone(op: str, size: int) -> None:
    """A full kernel whose middle is the smaller one computes the same."""
    small = next(m for m in operation(op, 4, size, 1, 1).modules() if isinstance(m, nn.Conv2d))
    kernel, dilation = int(op[-1]), 2 if op.startswith("dil") else 1
    padding = dilation * (kernel // 2)
    full = nn.Conv2d(4, 4, kernel, 1, padding, dilation, small.groups, bias=False)
    margin = (kernel - small.kernel_size[0]) // 2
    x = torch.randn(2, 4, size, size)
    with torch.no_grad():
        middle = slice(margin, kernel - margin)
        full.weight[:, :, middle, middle] = small.weight
    torch.testing.assert_close(small(x), full(x))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [1, 4, 7, 16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_dilation_in_training_is_that_of_torch(
    stride: int, kernel: int, size: int, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    ours = Dilated(4, kernel, stride)
    plain = nn.Conv2d(4, 4, kernel, stride, kernel - 1, 2, groups=4, bias=False)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4, size, size).to(memory_format=layout)
    mine, its = (x.clone().requires_grad_() for _ in range(2))
    made, expected = ours(mine), plain(its)
    torch.testing.assert_close(made, expected)
    torch.testing.assert_close(ours.eval()(x), expected)
    slope = torch.randn_like(expected)
    made.backward(slope)
    expected.backward(slope)
    torch.testing.assert_close(mine.grad, its.grad)
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad, rtol=1e-4, atol=1e-4)  # sums of hundreds of terms


@pytest.mark.parametrize("size", [1, 4, 5])
def test_a_factorised_reduction_reads_every_other_diagonal_pixel(size: int) -> None:
    made = FactorisedReduction(1, 2).eval()
    with torch.no_grad():
        made.even.weight.fill_(1)
        made.odd.weight.fill_(1)
        x = torch.arange(float(size * size)).view(1, 1, size, size) + 1
        even, odd = made(x)[0]
    torch.testing.assert_close(even, x[0, 0, ::2, ::2], rtol=1e-4, atol=1e-4)
    further = torch.zeros(size + 1, size + 1)
    further[:size, :size] = x[0, 0]
    torch.testing.assert_close(odd, further[1::2, 1::2], rtol=1e-4, atol=1e-4)


def test_inputs_are_made_fit() -> None:
    x = torch.randn(2, 6, 5, 5)
    assert fitting(6, 4, False)(x).shape == (2, 4, 5, 5)
    assert fitting(6, 4, True)(x).shape == (2, 4, 3, 3)


def test_poolings_take_values_as_they_are() -> None:
    assert [op for op in LIVE if not is_rectified(op)] == list(POOLS)
    x = torch.full((1, 4, 4, 4), -3.0)
    for op in POOLS:
        assert torch.equal(operation(op, 4, 4, 1, 1)(x), x)
