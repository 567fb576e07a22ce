"""The layout of each residual network, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nasflow.families.sizes import Tally
from nasflow.spaces import NetworkCost, NetworkIO


@dataclass(frozen=True)
class Layout:
    """One network.

    Attributes:
        widths: Channels of each stage.
        depth: Blocks in each stage.
        stem_kernel: Kernel of the first convolution.
        stem_halves: Whether the stem halves the map twice, by a stride and by max pooling.
    """

    widths: tuple[int, ...]
    depth: int
    stem_kernel: int = 3
    stem_halves: bool = False


LAYOUTS = {
    8: Layout((16, 32, 64), 1),
    20: Layout((16, 32, 64), 3),
    18: Layout((64, 128, 256, 512), 2, stem_kernel=7, stem_halves=True),
}
"""The networks by their depth in layers."""


@dataclass(frozen=True)
class ResidualBlock:
    """Two 3×3 convolutions with `fan_in` channels in and `width` out, the first one with a stride."""

    fan_in: int
    width: int
    stride: int

    @property
    def projects(self) -> bool:
        """Whether the shortcut is a 1×1 convolution, because the shape changes."""
        return self.stride > 1 or self.fan_in != self.width


def blocks(depth: int) -> Iterator[ResidualBlock]:
    """Yield the blocks of a network in order."""
    layout = LAYOUTS[depth]
    fan_in = layout.widths[0]
    for stage, width in enumerate(layout.widths):
        for number in range(layout.depth):
            yield ResidualBlock(fan_in, width, 2 if stage and not number else 1)
            fan_in = width


def cost(depth: int, io: NetworkIO) -> NetworkCost:
    """Return parameters and FLOPs of a network."""
    layout = LAYOUTS[depth]
    tally = Tally()
    size = -(-io.size // 2) if layout.stem_halves else io.size
    tally.conv_norm(io.channels, layout.widths[0], layout.stem_kernel, size)
    size = -(-size // 2) if layout.stem_halves else size
    for block in blocks(depth):
        size = -(-size // block.stride)
        tally.conv_norm(block.fan_in, block.width, 3, size)
        tally.conv_norm(block.width, block.width, 3, size)
        if block.projects:
            tally.conv_norm(block.fan_in, block.width, 1, size)
    tally.linear(layout.widths[-1], io.outputs)
    return tally.cost()
