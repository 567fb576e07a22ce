"""A form made into a network of cells (Zoph et al., 2018, section 3)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nasflow.families.layers import GlobalPool, initialise, stem
from nasflow.families.nasnet.operations import fitting, is_rectified, operation
from nasflow.families.nasnet.plan import CellPlan, last_width, plan, stem_width
from nasflow.families.sums import total
from nasflow.spaces import Form, NetworkIO

_Key = tuple[int, ...]


class StackedCell(nn.Module):
    """One cell.

    Args:
        cell: What to build.
        repeats: How often a separable convolution is applied in a row.
    """

    def __init__(self, cell: CellPlan, repeats: int) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(fitting(source.width, cell.width, source.halves) for source in cell.inputs)
        self.operations = nn.ModuleList(
            operation(made["op"], cell.width, *cell.sizes_of(made), repeats) for made in cell.operations
        )
        self.reads = [(tuple(made["reads"]), is_rectified(made["op"])) for made in cell.operations]
        self.output = cell.output

    def forward(self, sources: Sequence[Tensor]) -> Tensor:
        """Apply the cell.

        Args:
            sources: One map an input, rectified.

        Returns:
            Float (N, width_out, H, W), as the plan has them.
        """
        values = _Values([fit(source) for fit, source in zip(self.inputs, sources, strict=True)])
        for made, (reads, rectified) in zip(self.operations, self.reads, strict=True):
            values.terms.append(made(values.rectified(reads) if rectified else values.sum(reads)))
        return torch.cat([values.sum(terms) for terms in self.output], 1)


class Stack(nn.Module):
    """Cells, each of which reads earlier ones or the stem.

    Args:
        cells: What to build.
        repeats: How often a separable convolution is applied in a row.
    """

    def __init__(self, cells: Sequence[CellPlan], repeats: int) -> None:
        super().__init__()
        self.cells = nn.ModuleList(StackedCell(cell, repeats) for cell in cells)
        self.sources = [[source.source for source in cell.inputs] for cell in cells]

    def forward(self, x: Tensor) -> Tensor:
        """Return the last cell's output, rectified, for a rectified float (N, stem_width, H, W)."""
        made = [x]
        for cell, sources in zip(self.cells, self.sources, strict=True):
            made.append(torch.relu(cell([made[source] for source in sources])))
        return made[-1]


class Nothing(nn.Module):
    """Zeros in place of features, for a network that no path leads through.

    Args:
        width: Number of features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros (N, width) for N images."""
        return x.new_zeros(x.shape[0], self.width)


def build(form: Form, io: NetworkIO) -> nn.Module:
    """Return the network of a form, newly initialised.

    Args:
        form: Canonical form.
        io: Channels and size of the images, and number of logits.
    """
    cells = plan(form, io)
    parts: dict[str, nn.Module] = {"nothing": Nothing(stem_width(form))}
    if cells:
        parts = {
            "stem": nn.Sequential(*stem(io.channels, stem_width(form), io.size), nn.ReLU()),
            "cells": Stack(cells, form["separable_repeats"]),
            "pool": GlobalPool(),
        }
    parts["logits"] = nn.Linear(last_width(form, cells), io.outputs)
    network = nn.Sequential(OrderedDict(parts))
    initialise(network)
    return network


class _Values:
    """The terms of a cell as they come, and their sums, each computed once."""

    def __init__(self, terms: list[Tensor]) -> None:
        self.terms = terms
        self._sums: dict[_Key, Tensor] = {}
        self._rectified: dict[_Key, Tensor] = {}

    def sum(self, reads: _Key) -> Tensor:
        if reads not in self._sums:
            self._sums[reads] = total(self.terms, Counter(reads))
        return self._sums[reads]

    def rectified(self, reads: _Key) -> Tensor:
        if reads not in self._rectified:
            self._rectified[reads] = torch.relu(self.sum(reads))
        return self._rectified[reads]
