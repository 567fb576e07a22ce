"""Depthwise convolutions whose training is fast on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional
from torch.nn import grad as gradients

FAST_COLUMNS = 3
"""Kernel columns up to which oneDNN has its fast kernel for the weights' gradient of a depthwise convolution."""

SMALLEST_MAP = 8
"""Width of a map from which strips pay: below it cutting them out costs more than the slow kernel."""


class DepthwiseConv(nn.Conv2d):
    """A depthwise convolution without bias, one filter a channel; odd kernels keep a map's size.

    For kernels wider than three oneDNN computes the weights' gradient as if the convolution were dense, which takes
    several times longer than all the rest. Here that gradient is put together from strips of at most three columns.
    The numbers are those of `nn.Conv2d` but for the order in which they are added up.

    Args:
        width: Number of channels.
        kernel: Height and width of the filters, odd.
        stride: A stride s gives ceil(size / s).
    """

    def __init__(self, width: int, kernel: int, stride: int = 1) -> None:
        super().__init__(width, width, kernel, stride, kernel // 2, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve float (N, width, H, W)."""
        learns = torch.is_grad_enabled() and self.weight.requires_grad and x.device.type == "cpu"
        if learns and self.stride == (1, 1) and self.kernel_size[1] > FAST_COLUMNS and x.shape[3] >= SMALLEST_MAP:
            made: Tensor = _StripedConv.apply(x, self.weight)
            return made
        return super().forward(x)


class _StripedConv(torch.autograd.Function):
    """The convolution of `DepthwiseConv` with stride 1, and its gradients."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return functional.conv2d(x, weight, None, 1, weight.shape[2] // 2, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_input = of_weight = None
        if ctx.needs_input_grad[0]:
            of_input = gradients.conv2d_input(  # type: ignore[no-untyped-call]
                x.shape, weight, gradient, 1, weight.shape[2] // 2, groups=len(weight)
            )
        if ctx.needs_input_grad[1]:
            of_weight = _weight_gradient(x, weight, gradient)
        return of_input, of_weight


def _weight_gradient(x: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
    channels, _, rows, columns = weight.shape
    strips = []
    for first in range(0, columns, FAST_COLUMNS):
        strip = min(FAST_COLUMNS, columns - first)
        left = columns // 2 - first
        # What these columns of the kernel see of the map; a negative padding cuts.
        seen = functional.pad(x, (left, strip - 1 - left))
        strips.append(
            gradients.conv2d_weight(  # type: ignore[no-untyped-call]
                seen, (channels, 1, rows, strip), gradient, 1, (rows // 2, 0), groups=channels
            )
        )
    return torch.cat(strips, 3)
