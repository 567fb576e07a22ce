"""Parameters and FLOPs of a network of cells, without building it."""

from __future__ import annotations

from nasflow.families.nasnet.contraction import DILATED, FACTORISED, POOLS, SEPARABLE
from nasflow.families.nasnet.plan import CellPlan, last_width, plan, spatial_kernel, stem_width
from nasflow.families.sizes import Tally, stem_kernel, stem_stride
from nasflow.spaces import Form, NetworkCost, NetworkIO


def cost(form: Form, io: NetworkIO) -> NetworkCost:
    """Return what the network of a form costs on images of a size."""
    tally = Tally()
    cells = plan(form, io)
    if cells:
        stride = stem_stride(io.size)
        tally.conv_norm(io.channels, stem_width(form), stem_kernel(stride), -(-io.size // stride))
    for cell in cells:
        for source in cell.inputs:
            tally.conv_norm(source.width, cell.width, 1, cell.size_in)
        for operation in cell.operations:
            _count(operation["op"], cell, cell.sizes_of(operation)[0], form["separable_repeats"], tally)
    tally.linear(last_width(form, cells), io.outputs)
    return tally.cost()


def _count(op: str, cell: CellPlan, size_in: int, repeats: int, tally: Tally) -> None:
    """Add one operation; each works at the size of its output, since strides come first."""
    width, size = cell.width, cell.size
    if op in POOLS:
        return
    if op in SEPARABLE or op in DILATED:
        for _ in range(repeats if op in SEPARABLE else 1):
            tally.conv(width, width, spatial_kernel(op, size_in), size, groups=width)
            tally.conv_norm(width, width, 1, size)
            size_in = size
    else:
        tally.conv_norm(width, width, 1 if op == FACTORISED else spatial_kernel(op, size_in), size)
