"""The drawing of a convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasflow.families.cnn.plan import BlockPlan, plan
from nasflow.families.drawing import Drawing
from nasflow.spaces import Form, Graph, NetworkIO

_LABELS = {"plain": "convolution", "separable": "separable", "inverted": "inverted residual", "residual": "residual"}
# Large enough for every pooling to happen, so that the drawing shows the form and not an image's size.
_ANY_IO = NetworkIO(3, 64, 1)


def draw(form: Form) -> Graph:
    """Return the network of a form as a graph: one vertex a block, a pooling and an addition."""
    drawing = Drawing()
    image = drawing.add("image")
    last = drawing.add("stem", f"3×3, {form['stem']}, {form['activation']}", [image])
    blocks = iter(plan(form, _ANY_IO))
    for stage in form["stages"]:
        for _ in range(stage["depth"]):
            last = _draw_block(drawing, next(blocks), stage, last)
    pooled = drawing.add("global pooling", form["head"], [last])
    drawing.add("logits", "linear", [pooled])
    return drawing.graph()


def _draw_block(drawing: Drawing, block: BlockPlan, stage: Mapping[str, Any], last: str) -> str:
    if block.pool:
        last = drawing.add(f"{block.pool} pooling", "3×3, stride 2", [last])
    detail = [f"{block.kernel}×{block.kernel}", str(block.width)]
    detail += [f"expansion {stage['expansion']}"] if "expansion" in stage else []
    detail += ["squeeze-excite"] if block.squeezed else []
    detail += ["stride 2"] if block.stride == 2 else []
    made = drawing.add(_LABELS[block.kind], ", ".join(detail), [last])
    if block.shortcut == "none":
        return made
    return drawing.add("+", "1×1 shortcut" if block.shortcut == "projection" else "", [made, last])
