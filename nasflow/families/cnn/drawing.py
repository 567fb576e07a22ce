"""The drawing of a convolutional network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nasflow.families.cnn.plan import BlockPlan, branch_widths, plan
from nasflow.families.drawing import Drawing
from nasflow.families.sizes import RESOLUTION_STEP
from nasflow.spaces import Form, Graph, NetworkIO

_LABELS = {"plain": "convolution", "inverted": "inverted residual"}
# Large enough for every pooling to happen, so that the drawing shows the form and not an image's size.
_ANY_IO = NetworkIO(3, 64, 1)
_DRAWN_BLOCKS = 3
"""Blocks of a stage that are drawn one by one; of a deeper stage the first is, and once the equal ones after it."""


def draw(form: Form) -> Graph:
    """Return the network of a form as a graph: one vertex a block, a pooling and an addition."""
    drawing = Drawing()
    last = drawing.add("image")
    if "steps_down" in form:
        last = drawing.add("resize", f"to {1 / RESOLUTION_STEP ** form['steps_down']:.0%}", [last])
    last = drawing.add("stem", f"3×3, {form['stem']}, {form['activation']}", [last])
    blocks = iter(plan(form, _ANY_IO))
    for stage in form["stages"]:
        made = [next(blocks) for _ in range(stage["depth"])]
        for block, times in _drawn(made):
            last = _draw_block(drawing, block, stage, times, last)
    pooled = drawing.add("global pooling", form["head"], [last])
    drawing.add("logits", "linear", [pooled])
    return drawing.graph()


def _drawn(blocks: Sequence[BlockPlan]) -> Iterator[tuple[BlockPlan, int]]:
    if len(blocks) <= _DRAWN_BLOCKS:
        yield from ((block, 1) for block in blocks)
        return
    yield blocks[0], 1
    yield blocks[1], len(blocks) - 1


def _draw_block(drawing: Drawing, block: BlockPlan, stage: Mapping[str, Any], times: int, last: str) -> str:
    if block.pool:
        last = drawing.add(f"{block.pool} pooling", "3×3, stride 2", [last])
    made = drawing.add(_LABELS.get(block.kind, block.kind), ", ".join(_details(block, stage, times)), [last])
    if block.shortcut == "none":
        return made
    return drawing.add("+", "1×1 shortcut" if block.shortcut == "projection" else "", [made, last])


def _details(block: BlockPlan, stage: Mapping[str, Any], times: int) -> list[str]:
    kernel = f"{block.kernel}×{block.kernel}"
    if block.kind == "inception":
        branches = ("1×1", kernel, f"{kernel} twice", "average pooling")[: len(branch_widths(block.width))]
        kernel = " | ".join(branches)
    detail = [kernel, str(block.width)]
    detail += [f"expansion {stage['expansion']}"] if "expansion" in stage else []
    detail += [f"{stage['inner']} inside"] if "inner" in stage else []
    detail += ["squeeze-excite"] if block.squeezed else []
    detail += ["stride 2"] if block.stride == 2 else []
    return [*detail, *([f"{times} times"] if times > 1 else [])]
