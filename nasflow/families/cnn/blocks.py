"""The blocks of a convolutional network. Each takes float (N, fan_in, H, W) and gives (N, width, H', W')."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nasflow.families.cnn.plan import PROJECTED, BlockPlan, branch_widths
from nasflow.families.layers import SqueezeExcite, activation, conv, conv_norm


class Block(nn.Module):
    """A body and its shortcut, with pooling before them where the plan has it.

    Args:
        block: What to build.
        act: Name of the activation.
    """

    def __init__(self, block: BlockPlan, act: str) -> None:
        super().__init__()
        self.pool = _pool(block.pool)
        self.body = nn.Sequential(*_BODIES[block.kind](block, act))
        self.shortcut = _shortcut(block)
        # Only residual blocks are activated after the addition (He et al., 2016); in the others the sum stays linear.
        self.last = activation(act, inplace=True) if block.kind in PROJECTED else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to float (N, fan_in, H, W)."""
        x = self.pool(x)
        y: Tensor = self.body(x)
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        result: Tensor = self.last(y)
        return result


def _pool(kind: str | None) -> nn.Module:
    # Three wide with padding, so that odd maps shrink as they do under a strided convolution.
    if kind is None:
        return nn.Identity()
    if kind == "max":
        return nn.MaxPool2d(3, 2, 1)
    return nn.AvgPool2d(3, 2, 1, count_include_pad=False)


def _shortcut(block: BlockPlan) -> nn.Module | None:
    if block.shortcut == "none":
        return None
    if block.shortcut == "identity":
        return nn.Identity()
    return nn.Sequential(*conv_norm(block.fan_in, block.width, 1, block.stride))


def _gate(block: BlockPlan) -> list[nn.Module]:
    return [SqueezeExcite(block.hidden, block.squeezed)] if block.squeezed else []


def _plain(block: BlockPlan, act: str) -> list[nn.Module]:
    return [*conv_norm(block.fan_in, block.width, block.kernel, block.stride), activation(act, inplace=True)]


def _depthwise(block: BlockPlan, act: str) -> list[nn.Module]:
    spatial = conv_norm(block.hidden, block.hidden, block.kernel, block.stride, groups=block.hidden)
    return [*spatial, activation(act, inplace=True), *_gate(block), *conv_norm(block.hidden, block.width, 1)]


def _separable(block: BlockPlan, act: str) -> list[nn.Module]:
    return [*_depthwise(block, act), activation(act, inplace=True)]


def _inverted(block: BlockPlan, act: str) -> list[nn.Module]:
    return [*conv_norm(block.fan_in, block.hidden, 1), activation(act, inplace=True), *_depthwise(block, act)]


def _residual(block: BlockPlan, act: str) -> list[nn.Module]:
    first = [*conv_norm(block.fan_in, block.width, block.kernel, block.stride), activation(act, inplace=True)]
    return [*first, *conv_norm(block.width, block.width, block.kernel), *_gate(block)]


def _bottleneck(block: BlockPlan, act: str) -> list[nn.Module]:
    reduce = [*conv_norm(block.fan_in, block.hidden, 1), activation(act, inplace=True)]
    spatial = [*conv_norm(block.hidden, block.hidden, block.kernel, block.stride), activation(act, inplace=True)]
    return [*reduce, *spatial, *_gate(block), *conv_norm(block.hidden, block.width, 1)]


def _mixer(block: BlockPlan, act: str) -> list[nn.Module]:
    tokens = conv_norm(block.fan_in, block.fan_in, block.kernel, block.stride, groups=block.fan_in)
    return [
        *tokens,
        conv(block.fan_in, block.hidden, 1),
        activation(act, inplace=True),
        *conv_norm(block.hidden, block.width, 1),
    ]


def _inception(block: BlockPlan, act: str) -> list[nn.Module]:
    return [Inception(block, act)]


class Inception(nn.Module):
    """Parallel branches with kernels of several sizes, side by side in the output (Szegedy et al., 2015 and 2016).

    The branches are a 1×1 convolution, one k×k, two k×k in a row, and average pooling. The 1×1 convolution that each
    begins with is one convolution for all; the pooling comes after it, where it has fewer channels to go over.

    Args:
        block: What to build.
        act: Name of the activation.
    """

    def __init__(self, block: BlockPlan, act: str) -> None:
        super().__init__()
        self.widths = branch_widths(block.width)
        self.entry = nn.Sequential(*conv_norm(block.fan_in, block.width, 1), activation(act, inplace=True))
        self.branches = nn.ModuleList(
            make(width, block.kernel, block.stride, act)
            for width, make in zip(self.widths, (_taken, _once, _twice, _pooled), strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map float (N, fan_in, H, W) to (N, width, H', W')."""
        parts = self.entry(x).split(self.widths, 1)
        return torch.cat([branch(part) for branch, part in zip(self.branches, parts, strict=True)], 1)


def _taken(width: int, kernel: int, stride: int, act: str) -> nn.Module:
    # Every second pixel, as a 1×1 convolution with a stride takes them.
    return nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()


def _once(width: int, kernel: int, stride: int, act: str) -> nn.Module:
    return nn.Sequential(*conv_norm(width, width, kernel, stride), activation(act, inplace=True))


def _twice(width: int, kernel: int, stride: int, act: str) -> nn.Module:
    return nn.Sequential(_once(width, kernel, stride, act), _once(width, kernel, 1, act))


def _pooled(width: int, kernel: int, stride: int, act: str) -> nn.Module:
    return nn.AvgPool2d(3, stride, 1, count_include_pad=False)


_BODIES = {
    "plain": _plain,
    "separable": _separable,
    "inverted": _inverted,
    "residual": _residual,
    "bottleneck": _bottleneck,
    "inception": _inception,
    "mixer": _mixer,
}
