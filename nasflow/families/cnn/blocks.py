"""The blocks of a convolutional network. Each takes float (N, fan_in, H, W) and gives (N, width, H', W')."""

from __future__ import annotations

from torch import Tensor, nn

from nasflow.families.cnn.plan import BlockPlan
from nasflow.families.layers import SqueezeExcite, activation, conv_norm


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
        # Only a residual block is activated after the addition (He et al., 2016); in the others the sum stays linear.
        self.last = activation(act, inplace=True) if block.kind == "residual" else nn.Identity()

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


_BODIES = {"plain": _plain, "separable": _separable, "inverted": _inverted, "residual": _residual}
