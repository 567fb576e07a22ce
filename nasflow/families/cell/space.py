"""What may vary in a NAS-Bench-201 cell, its canonical form and its cost. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from nasflow.config import Options
from nasflow.families.cell.contraction import EDGES, OPERATIONS, contract
from nasflow.families.cell.drawing import draw
from nasflow.families.cell.text import choice_name
from nasflow.families.sizes import Tally, halved, stem_kernel, stem_stride
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO

if TYPE_CHECKING:
    from torch import nn

STAGES = 3
_KERNELS = {"nor_conv_3x3": 3, "nor_conv_1x1": 1}


class CellOptions(Options):
    """Options of the family `cell`: the network around the cell. The paper's has width 16 and 5 cells a stage."""

    width: int = Field(default=16, ge=1, le=1024)
    """Channels of the first stage; each further stage has twice as many."""

    cells_per_stage: int = Field(default=1, ge=1, le=20)
    """Copies of the cell in each of the three stages."""


class CellFamily:
    """The 15,625 cells of NAS-Bench-201 (Dong & Yang, 2020), each repeated in three stages of a network.

    A cell has 4 nodes; each of its 6 edges is one of 5 operations. Stages are joined by residual blocks of stride 2.
    """

    Options = CellOptions
    any_size = True

    def choices(self, options: CellOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return one choice an edge: `node1.from0`, `node2.from0`, `node2.from1`, and so on."""
        return tuple(Choice(choice_name(*edge), OPERATIONS) for edge in EDGES)

    def form(self, choices: Choices, options: CellOptions) -> Form:
        """Return the live operations, each with the terms it sums up as input (0 is the cell's input), and the output.

        Cells have one form exactly when they have the same live operations, connected and shared in the same way.
        """
        contracted = contract(tuple(str(choices[choice_name(*edge)]) for edge in EDGES))
        return {
            "width": options.width,
            "cells": options.cells_per_stage,
            "operations": [{"op": op, "reads": list(terms)} for op, terms in contracted.operations],
            "output": list(contracted.output),
        }

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs of the built network."""
        tally = Tally()
        stride = stem_stride(io.size)
        width, size = form["width"], -(-io.size // stride)
        tally.conv_norm(io.channels, width, stem_kernel(stride), size)
        for stage in range(STAGES):
            if stage:
                width, size = 2 * width, halved(size)
                tally.conv_norm(width // 2, width, 3, size)
                tally.conv_norm(width, width, 3, size)
                tally.conv(width // 2, width, 1, size)
            for operation in form["operations"] * form["cells"]:
                if operation["op"] in _KERNELS:
                    tally.conv_norm(width, width, _KERNELS[operation["op"]], size)
        tally.norm(width)
        tally.linear(width, io.outputs)
        return tally.cost()

    def graph(self, form: Form) -> Graph:
        """Return a drawing of the cell once, between stem and logits."""
        return draw(form)

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network, newly initialised: float32 (N, channels, size, size) to logits (N, outputs)."""
        from nasflow.families.cell.model import build

        return build(form, io)
