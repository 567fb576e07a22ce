"""The drawing of a network of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nasflow.families.drawing import Drawing
from nasflow.families.nasnet.contraction import DILATED, FACTORISED, POOLS, SEPARABLE
from nasflow.families.nasnet.plan import stem_width
from nasflow.spaces import Form, Graph

_READABLE = 36
"""Vertices from which on sums are no longer drawn as vertices of their own."""

_LABELS = {
    **dict.fromkeys(SEPARABLE, "separable"),
    **dict.fromkeys(DILATED, "dilated separable"),
    **dict(zip(POOLS, ("max pooling", "average pooling"), strict=True)),
    FACTORISED: "factorised reduction",
}


def draw(form: Form) -> Graph:
    """Return stem, cells and head as a graph; each cell is drawn once, one after another, with its number of copies.

    In a network of many operations, sums have no vertices: what reads a sum reads all its terms.
    """
    graph = _drawn(form, sums=True)
    return graph if len(graph.nodes) <= _READABLE else _drawn(form, sums=False)


def _drawn(form: Form, sums: bool) -> Graph:
    drawing = Drawing()
    last = drawing.add("image")
    if not form["stack"]:
        drawing.add("logits", "linear", [drawing.add("0", "always zero", [last])])
        return drawing.graph()
    last = drawing.add("stem", f"3×3, {stem_width(form)}", [last])
    for number in range(len(form["cells"])):
        last = _draw_cell(drawing, form, number, last, sums)
    last = drawing.add("global pooling", "average", [last])
    drawing.add("logits", "linear", [last])
    return drawing.graph()


def _draw_cell(drawing: Drawing, form: Form, number: int, last: str, sums: bool) -> str:
    cell = form["cells"][number]
    copies = [place for place, entry in enumerate(form["stack"], 1) if entry["cell"] == number]
    sources = _sources(copies[-1], form["stack"][copies[-1] - 1]["reads"])
    vertices = [drawing.add("input", f"1×1, {source}", [last]) for source in sources]

    def read(terms: Sequence[int]) -> list[str]:
        chosen = [vertices[term] for term in terms]
        return [drawing.total(chosen)] if sums else chosen

    for operation in cell["operations"]:
        vertices.append(drawing.add(*_named(operation, cell), read(operation["reads"])))
    name = "reduction cell" if cell["stride"] == 2 else "normal cell"
    detail = name if len(copies) == 1 else f"{name}, {len(copies)} copies"
    read_last = dict.fromkeys(vertex for terms in cell["output"] for vertex in read(terms))
    return drawing.add("concatenation" if len(cell["output"]) > 1 else "output", detail, list(read_last))


def _sources(place: int, reads: Sequence[int]) -> list[str]:
    """Return where a cell's inputs come from, in words."""
    words = {place - 1: "the cell before", 0: "the stem"}
    return [words.get(source, "an earlier cell") for source in reads]


def _named(operation: Mapping[str, Any], cell: Mapping[str, Any]) -> tuple[str, str]:
    op = operation["op"]
    detail = [] if op == FACTORISED else [f"{op[-1]}×{op[-1]}"]
    detail += ["stride 2"] if cell["stride"] == 2 and operation["reads"][0] < cell["inputs"] else []
    return _LABELS.get(op, "convolution"), ", ".join(detail)
