"""The operations of a cell. Each takes float (N, C, H, W) and gives (N, width, H / stride, W / stride), rounded up.

Those with weights expect their input rectified: several of them may read the same values, which are rectified once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasflow.families.layers import conv, conv_norm
from nasflow.families.nasnet.contraction import DILATED, FACTORISED, POOLS, SEPARABLE


class FactorisedReduction(nn.Module):
    """Halves a map without leaving out three quarters of it: two 1×1 convolutions of stride 2, one pixel apart.

    Args:
        fan_in: Channels that come in.
        width: Channels that go out, an even number.
    """

    def __init__(self, fan_in: int, width: int) -> None:
        super().__init__()
        self.even = conv(fan_in, width // 2, 1, 2)
        self.odd = conv(fan_in, width // 2, 1, 2)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to float (N, fan_in, H, W): (N, width, H / 2, W / 2), rounded up."""
        # Zeros at the far edges let odd maps be read one pixel further on as well.
        further = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        result: Tensor = self.norm(torch.cat([self.even(x), self.odd(further)], 1))
        return result


def operation(op: str, width: int, stride: int, repeats: int) -> nn.Module:
    """Return a new operation on a term of a cell.

    Args:
        op: Its name.
        width: Channels that come in and go out.
        stride: 1 or 2.
        repeats: How often a separable convolution is applied in a row.
    """
    if op == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if op == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    if op == FACTORISED:
        return FactorisedReduction(width, width)
    kernel = int(op[-1])
    if op in SEPARABLE:
        layers = _separable(width, kernel, stride)
        for _ in range(repeats - 1):
            layers += [nn.ReLU(), *_separable(width, kernel, 1)]
        return nn.Sequential(*layers)
    if op in DILATED:
        return nn.Sequential(*_separable(width, kernel, stride, dilation=2))
    return nn.Sequential(*conv_norm(width, width, kernel, stride))


def fitting(fan_in: int, width: int, halves: bool) -> nn.Module:
    """Return what makes the output of an earlier cell fit: 1×1, with normalisation, halved where it is too large."""
    return FactorisedReduction(fan_in, width) if halves else nn.Sequential(*conv_norm(fan_in, width, 1))


def is_rectified(op: str) -> bool:
    """Whether an operation expects its input rectified: all but poolings."""
    return op not in POOLS


def _separable(width: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    spatial = nn.Conv2d(width, width, kernel, stride, padding, dilation, groups=width, bias=False)
    return [spatial, *conv_norm(width, width, 1)]
