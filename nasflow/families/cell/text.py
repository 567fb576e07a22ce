"""Cells as NAS-Bench-201 writes them: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""

from __future__ import annotations

import re

from nasflow.errors import SpaceError
from nasflow.families.cell.contraction import EDGES, OPERATIONS
from nasflow.plugins import nearest
from nasflow.spaces import Choices


def choice_name(source: int, node: int) -> str:
    """Return the name of the choice for an edge."""
    return f"node{node}.from{source}"


def parse_cell(text: str) -> dict[str, str]:
    """Return the choices of a cell's string.

    Raises:
        SpaceError: The text is not a cell.
    """
    found = re.findall(r"([^|+~]+)~(\d)\|", text)
    made = dict(zip(EDGES, (op for op, _ in found), strict=False))
    for op in made.values():
        if op not in OPERATIONS:
            raise SpaceError(f"cell: '{op}' is none of {', '.join(OPERATIONS)}.{nearest(op, OPERATIONS)}")
    choices = {choice_name(*edge): op for edge, op in made.items()}
    if len(found) != len(EDGES) or cell_text(choices) != text:
        raise SpaceError(f"cell: '{text}' is not of the form |op~0|+|op~0|op~1|+|op~0|op~1|op~2|.")
    return choices


def cell_text(choices: Choices) -> str:
    """Return the string of a cell's choices; the inverse of `parse_cell`."""
    nodes: dict[int, str] = {}
    for source, node in EDGES:
        nodes[node] = nodes.get(node, "|") + f"{choices[choice_name(source, node)]}~{source}|"
    return "+".join(nodes.values())
