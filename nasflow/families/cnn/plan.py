"""A form laid out block by block for images of one size: what cost and build both follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nasflow.families.sizes import can_halve, halved, resolution, stem_stride
from nasflow.spaces import Form, NetworkIO

Shortcut = Literal["none", "identity", "projection"]

PROJECTED = ("residual", "bottleneck")
"""Kinds whose shortcut is a 1×1 convolution where the shape changes, and that are activated after the addition."""

_RESIDUAL = (*PROJECTED, "inverted", "mixer")


@dataclass(frozen=True)
class BlockPlan:
    """One block.

    Attributes:
        kind: `plain`, `separable`, `inverted`, `residual`, `bottleneck`, `inception` or `mixer`.
        fan_in: Channels that come in.
        width: Channels that go out.
        kernel: Height and width of its spatial convolutions.
        hidden: Channels between its first and last convolution: `fan_in` in a separable block, `width` in a
            residual and an inception one, 0 in a plain one.
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


@dataclass(frozen=True)
class StemPlan:
    """What comes before the blocks.

    Attributes:
        image: Height and width that images are brought to.
        stride: Stride of the stem, which is that of a network for images as stored, whatever this one's resolution.
        size: Height and width of its output.
    """

    image: int
    stride: int
    size: int


def plan_stem(form: Form, io: NetworkIO) -> StemPlan:
    """Lay out resize and stem of a form; `steps_down` in it is the number of scales below the largest."""
    image, stride = resolution(io.size, form.get("steps_down", 0)), stem_stride(io.size)
    return StemPlan(image, stride, -(-image // stride))


def plan(form: Form, io: NetworkIO) -> list[BlockPlan]:
    """Lay out the blocks of a form.

    Returns:
        The blocks in order; a stride of 2 or a pooling is left out where the map is too small for it.
    """
    size = plan_stem(form, io).size
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
    hidden, strided = _hidden(stage, fan_in), down == "strided"
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


def _hidden(stage: Mapping[str, Any], fan_in: int) -> int:
    match stage["kind"]:
        case "plain":
            return 0
        case "separable":
            return fan_in
        case "residual" | "inception":
            return int(stage["width"])
        case "bottleneck":
            return int(stage["inner"])
        case _:
            return int(fan_in * stage["expansion"])


def branch_widths(width: int) -> tuple[int, ...]:
    """Split the channels of an inception block among its branches: as evenly as can be, the first ones get more.

    Returns:
        Channels of the branches 1×1, k×k, twice k×k and pooling; as many branches as channels, where there are fewer.
    """
    count = min(4, width)
    return tuple(width // count + (number < width % count) for number in range(count))


def passes_input(fan_in: int, width: int, strided: bool) -> bool:
    """Whether a block's input can be added to its output as it is.

    `strided` is what the form says, whether or not the map turns out too small for the stride: so a form's shortcuts do
    not depend on the size of the images.
    """
    return fan_in == width and not strided


def _shortcut(stage: Mapping[str, Any], fan_in: int, strided: bool) -> Shortcut:
    if passes_input(fan_in, stage["width"], strided):
        wanted = stage["kind"] in _RESIDUAL or stage.get("skip")
        return "identity" if wanted else "none"
    return "projection" if stage["kind"] in PROJECTED else "none"
