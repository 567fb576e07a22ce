"""The reference networks as a family, and which of them fits images of a size. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasflow.config import Options
from nasflow.families.drawing import Drawing
from nasflow.families.resnet.layout import LAYOUTS, blocks, cost
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO

if TYPE_CHECKING:
    from torch import nn


def reference_form(size: int) -> Form:
    """Return the form of the reference network for images of `size` pixels.

    ResNet-8 below 16 pixels, ResNet-20 up to 48, ResNet-18 above.
    """
    if size < 16:
        return {"depth": 8}
    return {"depth": 20 if size <= 48 else 18}


class ResnetOptions(Options):
    """Options of the family `resnet`: none."""


class ResnetFamily:
    """Residual networks (He et al., 2016) as they are commonly compared with.

    Depth 8 and 20 are the narrow networks for small images: 3 stages of 1 or 3 blocks with 16, 32 and 64 channels, and
    1×1 convolutions as shortcuts where the shape changes. Depth 18 is the network for ImageNet.
    """

    Options = ResnetOptions
    any_size = True

    def choices(self, options: ResnetOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return the one choice, `depth`; its default is the reference for images of this size."""
        usual = reference_form(io.size)["depth"]
        return (Choice("depth", (usual, *(depth for depth in LAYOUTS if depth != usual))),)

    def form(self, choices: Choices, options: ResnetOptions) -> Form:
        """Return the form: the depth."""
        return {"depth": choices["depth"]}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs of the built network."""
        return cost(form["depth"], io)

    def graph(self, form: Form) -> Graph:
        """Return a drawing with a vertex a block and an addition."""
        layout = LAYOUTS[form["depth"]]
        drawing = Drawing()
        image = drawing.add("image")
        last = drawing.add("stem", f"{layout.stem_kernel}×{layout.stem_kernel}, {layout.widths[0]}, relu", [image])
        if layout.stem_halves:
            last = drawing.add("max pooling", "3×3, stride 2", [last])
        for block in blocks(form["depth"]):
            stride = ", stride 2" if block.stride == 2 else ""
            body = drawing.add("residual", f"3×3, {block.width}{stride}", [last])
            last = drawing.add("+", "1×1 shortcut" if block.projects else "", [body, last])
        pooled = drawing.add("global pooling", "average", [last])
        drawing.add("logits", "linear", [pooled])
        return drawing.graph()

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network, newly initialised: float32 (N, channels, size, size) to logits (N, outputs)."""
        from nasflow.families.resnet.model import build

        return build(form["depth"], io)
