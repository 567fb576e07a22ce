"""Parameters and FLOPs of a convolutional network, without building it."""

from __future__ import annotations

from nasflow.families.cnn.plan import BlockPlan, branch_widths, plan, plan_stem
from nasflow.families.sizes import Tally, stem_kernel
from nasflow.spaces import Form, NetworkCost, NetworkIO


def cost(form: Form, io: NetworkIO) -> NetworkCost:
    """Return what the network of a form costs on images of a size."""
    tally = Tally()
    stem = plan_stem(form, io)
    tally.conv_norm(io.channels, form["stem"], stem_kernel(stem.stride), stem.size)
    width = form["stem"]
    for block in plan(form, io):
        _count(block, tally)
        width = block.width
    tally.linear(width, io.outputs)
    return tally.cost()


def _count(block: BlockPlan, tally: Tally) -> None:
    _COUNTED[block.kind](block, tally)
    if block.squeezed:
        tally.linear(block.hidden, block.squeezed)
        tally.linear(block.squeezed, block.hidden)
    if block.shortcut == "projection":
        tally.conv_norm(block.fan_in, block.width, 1, block.size)


def _plain(block: BlockPlan, tally: Tally) -> None:
    tally.conv_norm(block.fan_in, block.width, block.kernel, block.size)


def _residual(block: BlockPlan, tally: Tally) -> None:
    _plain(block, tally)
    tally.conv_norm(block.width, block.width, block.kernel, block.size)


def _separable(block: BlockPlan, tally: Tally) -> None:
    tally.conv_norm(block.hidden, block.hidden, block.kernel, block.size, groups=block.hidden)
    tally.conv_norm(block.hidden, block.width, 1, block.size)


def _inverted(block: BlockPlan, tally: Tally) -> None:
    tally.conv_norm(block.fan_in, block.hidden, 1, block.size_in)
    _separable(block, tally)


def _bottleneck(block: BlockPlan, tally: Tally) -> None:
    tally.conv_norm(block.fan_in, block.hidden, 1, block.size_in)
    tally.conv_norm(block.hidden, block.hidden, block.kernel, block.size)
    tally.conv_norm(block.hidden, block.width, 1, block.size)


def _inception(block: BlockPlan, tally: Tally) -> None:
    tally.conv_norm(block.fan_in, block.width, 1, block.size_in)
    for width, convolutions in zip(branch_widths(block.width), (0, 1, 2, 0), strict=False):
        for _ in range(convolutions):
            tally.conv_norm(width, width, block.kernel, block.size)


def _mixer(block: BlockPlan, tally: Tally) -> None:
    tally.conv_norm(block.fan_in, block.fan_in, block.kernel, block.size, groups=block.fan_in)
    tally.conv(block.fan_in, block.hidden, 1, block.size)
    tally.conv_norm(block.hidden, block.width, 1, block.size)


_COUNTED = {
    "plain": _plain,
    "residual": _residual,
    "separable": _separable,
    "inverted": _inverted,
    "bottleneck": _bottleneck,
    "inception": _inception,
    "mixer": _mixer,
}
