"""Sums of a cell's terms, which several families of cells compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def total(terms: Sequence[Tensor], counts: Mapping[int, int]) -> Tensor:
    """Return the sum of terms of one shape.

    Args:
        terms: The terms, of one shape.
        counts: How often each counts, by its number, in the order in which they are added; none gives zeros.
    """
    added: Tensor | None = None
    for number, count in counts.items():
        term = terms[number] if count == 1 else count * terms[number]
        added = term if added is None else added + term
    return torch.zeros_like(terms[0]) if added is None else added
