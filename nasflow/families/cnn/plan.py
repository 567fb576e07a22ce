"""A form laid out block by block for images of one size: what cost and build both follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nasflow.families.sizes import can_halve, halved, stem_stride
from nasflow.spaces import Form, NetworkIO

Shortcut = Literal["none", "identity", "projection"]


@dataclass(frozen=True)
class BlockPlan:
    """One block.

    Attributes:
        kind: `plain`, `separable`, `inverted` or `residual`.
        fan_in: Channels that come in.
        width: Channels that go out.
        kernel: Height and width of its spatial convolutions.
        hidden: Channels between its first and last convolution: `fan_in` in a separable block, `width` in a
            residual one, 0 in a plain one.
        squeezed: Channels inside its squeeze-and-excitation; 0 for none.
        shortcut: What is added to its output.
        pool: Pooling with stride 2 before it, `max` or `average`, or None.
        stride: Stride of its first spatial convolution.
        size_in: Height and width of what its first convolution reads, after the pooling.
        size: Height and width of its output.
    """

    kind: str
    fan_in: int
    width: int
    kernel: int
    hidden: int
    squeezed: int
    shortcut: Shortcut
    pool: str | None
    stride: int
    size_in: int
    size: int


def plan(form: Form, io: NetworkIO) -> list[BlockPlan]:
    """Lay out the blocks of a form.

    Returns:
        The blocks in order; a stride of 2 or a pooling is left out where the map is too small for it.
    """
    size = -(-io.size // stem_stride(io.size))
    width = form["stem"]
    blocks = []
    for number, stage in enumerate(form["stages"]):
        for depth in range(stage["depth"]):
            down = form["pooling"] if number and not depth else None
            halves = down is not None and can_halve(size)
            blocks.append(_block(stage, width, size, down, halves))
            size = blocks[-1].size
            width = stage["width"]
    return blocks


def _block(stage: Mapping[str, Any], fan_in: int, size: int, down: str | None, halves: bool) -> BlockPlan:
    kind, width = stage["kind"], stage["width"]
    hidden = {"plain": 0, "separable": fan_in, "residual": width}.get(kind, fan_in * stage.get("expansion", 1))
    strided = down == "strided"
    size_out = halved(size) if halves else size
    return BlockPlan(
        kind=kind,
        fan_in=fan_in,
        width=width,
        kernel=stage["kernel"],
        hidden=hidden,
        squeezed=max(4, hidden // 4) if stage.get("squeeze_excite") else 0,
        shortcut=_shortcut(stage, fan_in, strided),
        pool=down if halves and not strided else None,
        stride=2 if halves and strided else 1,
        size_in=size if strided else size_out,
        size=size_out,
    )


def passes_input(fan_in: int, width: int, strided: bool) -> bool:
    """Whether a block's input can be added to its output as it is.

    `strided` is what the form says, whether or not the map turns out too small for the stride: so a form's shortcuts do
    not depend on the size of the images.
    """
    return fan_in == width and not strided


def _shortcut(stage: Mapping[str, Any], fan_in: int, strided: bool) -> Shortcut:
    if passes_input(fan_in, stage["width"], strided):
        wanted = stage["kind"] in ("residual", "inverted") or stage.get("skip")
        return "identity" if wanted else "none"
    return "projection" if stage["kind"] == "residual" else "none"
