"""The drawing of a network of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nasflow.families.drawing import Drawing
from nasflow.spaces import Form, Graph

_LABELS = {
    "nor_conv_3x3": ("convolution", "3×3"),
    "nor_conv_1x1": ("convolution", "1×1"),
    "avg_pool_3x3": ("average pooling", "3×3"),
}


def draw(form: Form) -> Graph:
    """Return stem, cell and head as a graph; the cell is drawn once, and its copies are told of at its output."""
    drawing = Drawing()
    image = drawing.add("image")
    stem = drawing.add("stem", f"3×3, {form['width']}", [image])
    vertices = {0: drawing.add("cell input", "", [stem])}
    for number, operation in enumerate(form["operations"], 1):
        source = _sum(drawing, operation["reads"], vertices)
        vertices[number] = drawing.add(*_LABELS[operation["op"]], [source])
    widths = [form["width"] * 2**stage for stage in range(3)]
    copies = f"{form['cells']} a stage, 3 stages of {widths[0]}, {widths[1]} and {widths[2]} channels"
    output = drawing.add("cell output", copies, [_sum(drawing, form["output"], vertices)])
    pooled = drawing.add("global pooling", "average", [output])
    drawing.add("logits", "linear", [pooled])
    return drawing.graph()


def _sum(drawing: Drawing, terms: Sequence[int], vertices: Mapping[int, str]) -> str:
    """Return the vertex of a sum, or of the zero that no terms make."""
    if not terms:
        return drawing.add("0", "always zero", [vertices[0]])
    return drawing.total([vertices[term] for term in terms])
