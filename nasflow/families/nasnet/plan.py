"""A form laid out cell by cell for images of one size: what cost and build both follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nasflow.families.nasnet.contraction import DILATED
from nasflow.families.sizes import stem_stride
from nasflow.spaces import Form, NetworkIO

STEM_FACTOR = 3
"""How many times wider than an operation the stem is, as in DARTS."""


@dataclass(frozen=True)
class InputPlan:
    """What one input of a cell reads, and how it is made fit.

    Attributes:
        source: Number of the cell that it comes from, or `STEM`.
        width: Channels of what comes.
        halves: Whether the map is halved on the way, being of a stage before.
    """

    source: int
    width: int
    halves: bool


@dataclass(frozen=True)
class CellPlan:
    """One cell of the stack.

    Attributes:
        operations: Its live operations, each an `op` and the terms that it `reads`.
        output: The sums that are concatenated.
        stride: Stride of the operations on its inputs.
        inputs: What it reads.
        width: Channels of each operation.
        size_in: Height and width of its inputs, once made fit.
        size: Height and width of its output.
    """

    operations: tuple[Mapping[str, Any], ...]
    output: tuple[tuple[int, ...], ...]
    stride: int
    inputs: tuple[InputPlan, ...]
    width: int
    size_in: int
    size: int

    @property
    def width_out(self) -> int:
        """Channels of its output."""
        return self.width * len(self.output)

    def sizes_of(self, operation: Mapping[str, Any]) -> tuple[int, int]:
        """Return the size of the map that an operation reads, and its stride: the cell's on its inputs, else 1."""
        reads_input = operation["reads"][0] < len(self.inputs)
        return (self.size_in, self.stride) if reads_input else (self.size, 1)


def spatial_kernel(op: str, size: int) -> int:
    """Return height and width of an operation's convolution on maps of a size.

    It is as its name says, but for weights that maps so small leave on padding alone: these would learn nothing, and
    cost time.
    """
    half = (size - 1) // 2 if op in DILATED else size - 1
    return 2 * min(int(op[-1]) // 2, half) + 1


def plan(form: Form, io: NetworkIO) -> list[CellPlan]:
    """Lay out the cells of a form; each stage has maps half as large as the one before, rounded up."""
    made: list[CellPlan] = []
    stages = [0]
    sizes = _stage_sizes(form, io)
    for entry in form["stack"]:
        cell, stage = form["cells"][entry["cell"]], entry["stage"]
        widths = [stem_width(form), *(earlier.width_out for earlier in made)]
        stages.append(stage + (cell["stride"] == 2))
        made.append(
            CellPlan(
                operations=tuple(cell["operations"]),
                output=tuple(tuple(terms) for terms in cell["output"]),
                stride=cell["stride"],
                inputs=tuple(InputPlan(k, widths[k], stages[k] < stage) for k in entry["reads"]),
                width=form["width"] * 2 ** stages[-1],
                size_in=sizes[stage],
                size=sizes[stages[-1]],
            )
        )
    return made


def stem_width(form: Form) -> int:
    """Return the channels of the stem."""
    return STEM_FACTOR * int(form["width"])


def last_width(form: Form, cells: list[CellPlan]) -> int:
    """Return the channels of what the logits are computed from: the stem's, were there no cell."""
    return cells[-1].width_out if cells else stem_width(form)


def _stage_sizes(form: Form, io: NetworkIO) -> list[int]:
    sizes = [-(-io.size // stem_stride(io.size))]
    for _ in range(1 + max((entry["stage"] for entry in form["stack"]), default=0)):
        sizes.append(-(-sizes[-1] // 2))
    return sizes
