"""The drawing of a network of cells."""

from __future__ import annotations

from collections import Counter
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
    sums: dict[tuple[int, ...], str] = {}
    for number, operation in enumerate(form["operations"], 1):
        source = _sum(drawing, operation["reads"], vertices, sums)
        vertices[number] = drawing.add(*_LABELS[operation["op"]], [source])
    widths = [form["width"] * 2**stage for stage in range(3)]
    copies = f"{form['cells']} a stage, 3 stages of {widths[0]}, {widths[1]} and {widths[2]} channels"
    output = drawing.add("cell output", copies, [_sum(drawing, form["output"], vertices, sums)])
    pooled = drawing.add("global pooling", "average", [output])
    drawing.add("logits", "linear", [pooled])
    return drawing.graph()


def _sum(drawing: Drawing, terms: Sequence[int], vertices: Mapping[int, str], sums: dict[tuple[int, ...], str]) -> str:
    """Return the vertex of a sum; equal sums are drawn once, and a single term is its own."""
    key = tuple(terms)
    if not terms:
        return drawing.add("0", "always zero", [vertices[0]])
    if len(terms) == 1:
        return vertices[terms[0]]
    if key not in sums:
        counts = Counter(vertices[term] for term in terms).values()
        weights = " + ".join(f"{count}×" if count > 1 else "1×" for count in counts) if max(counts) > 1 else ""
        sums[key] = drawing.add("+", weights, [vertices[term] for term in terms])
    return sums[key]
