"""Parameters and FLOPs of a convolutional network, without building it."""

from __future__ import annotations

from nasflow.families.cnn.plan import BlockPlan, plan
from nasflow.families.sizes import Tally, stem_kernel, stem_stride
from nasflow.spaces import Form, NetworkCost, NetworkIO


def cost(form: Form, io: NetworkIO) -> NetworkCost:
    """Return what the network of a form costs on images of a size."""
    tally = Tally()
    stride = stem_stride(io.size)
    tally.conv_norm(io.channels, form["stem"], stem_kernel(stride), -(-io.size // stride))
    width = form["stem"]
    for block in plan(form, io):
        _count(block, tally)
        width = block.width
    tally.linear(width, io.outputs)
    return tally.cost()


def _count(block: BlockPlan, tally: Tally) -> None:
    fan_in, width, hidden, size = block.fan_in, block.width, block.hidden, block.size
    if block.kind == "plain":
        tally.conv_norm(fan_in, width, block.kernel, size)
    elif block.kind == "residual":
        tally.conv_norm(fan_in, width, block.kernel, size)
        tally.conv_norm(width, width, block.kernel, size)
    else:
        if block.kind == "inverted":
            tally.conv_norm(fan_in, hidden, 1, block.size_in)
        tally.conv_norm(hidden, hidden, block.kernel, size, groups=hidden)
        tally.conv_norm(hidden, width, 1, size)
    if block.squeezed:
        tally.linear(hidden, block.squeezed)
        tally.linear(block.squeezed, hidden)
    if block.shortcut == "projection":
        tally.conv_norm(fan_in, width, 1, size)
