"""The operations of a cell. Each takes float (N, C, H, W) and gives (N, width, H / stride, W / stride), rounded up.

Those with weights expect their input rectified: several of them may read the same values, which are rectified once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasflow.families.layers import conv, conv_norm
from nasflow.families.nasnet.contraction import DILATED, FACTORISED, POOLS, SEPARABLE
from nasflow.families.nasnet.plan import spatial_kernel


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


class Dilated(nn.Conv2d):
    """A depthwise convolution with dilation 2: on a processor, in training, as dense ones on every other pixel.

    Both give the same but for rounding. There are no fast kernels with dilation for processors: those of torch took 1.2
    to 7 times as long at a stride of 1 and 16 or 32 channels, 3 to 14 times at a stride of 2.

    Args:
        width: Channels that come in and go out.
        kernel: Height and width of the kernel, an odd number.
        stride: 1 or 2.
    """

    def __init__(self, width: int, kernel: int, stride: int) -> None:
        super().__init__(width, width, kernel, stride, kernel - 1, 2, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to float (N, width, H, W): (N, width, H / stride, W / stride), rounded up."""
        if not self.training or x.device.type != "cpu":
            return super().forward(x)
        if self.stride[0] == 2:
            return self._dense(x[:, :, ::2, ::2])
        count, width, height, breadth = x.shape
        x = functional.pad(x, (0, breadth % 2, 0, height % 2))
        shape = (count, x.shape[2] // 2, 2, x.shape[3] // 2, 2, width)
        phases = x.permute(0, 2, 3, 1).reshape(shape).permute(2, 4, 0, 1, 3, 5)
        y = self._dense(phases.flatten(0, 2).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        whole = y.reshape(2, 2, count, *y.shape[1:]).permute(2, 3, 0, 4, 1, 5).reshape(count, *x.shape[2:], width)
        return whole.permute(0, 3, 1, 2)[:, :, :height, :breadth]

    def _dense(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, None, 1, self.kernel_size[0] // 2, 1, self.groups)


def operation(op: str, width: int, size: int, stride: int, repeats: int) -> nn.Module:
    """Return a new operation on a term of a cell.

    Args:
        op: Its name.
        width: Channels that come in and go out.
        size: Height and width of the map that comes in.
        stride: 1 or 2.
        repeats: How often a separable convolution is applied in a row.
    """
    if op == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if op == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    if op == FACTORISED:
        return FactorisedReduction(width, width)
    kernel = spatial_kernel(op, size)
    if op in SEPARABLE:
        layers = [conv(width, width, kernel, stride, groups=width), *conv_norm(width, width, 1)]
        kernel = spatial_kernel(op, -(-size // stride))
        for _ in range(repeats - 1):
            layers += [nn.ReLU(), conv(width, width, kernel, groups=width), *conv_norm(width, width, 1)]
        return nn.Sequential(*layers)
    if op in DILATED:
        return nn.Sequential(Dilated(width, kernel, stride), *conv_norm(width, width, 1))
    return nn.Sequential(*conv_norm(width, width, kernel, stride))


def fitting(fan_in: int, width: int, halves: bool) -> nn.Module:
    """Return what makes the output of an earlier cell fit: 1×1, with normalisation, halved where it is too large."""
    return FactorisedReduction(fan_in, width) if halves else nn.Sequential(*conv_norm(fan_in, width, 1))


def is_rectified(op: str) -> bool:
    """Whether an operation expects its input rectified: all but poolings."""
    return op not in POOLS
