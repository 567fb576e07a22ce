"""What may vary in a multi-layer perceptron, its canonical form and its cost. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from nasflow.config import Options
from nasflow.families.drawing import Drawing
from nasflow.families.sizes import Tally
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO

if TYPE_CHECKING:
    from torch import nn

ACTIVATIONS = ("relu", "silu", "gelu", "tanh", "sigmoid")
NORMALISATIONS = ("batch", "layer", "none")
LARGEST_INPUT = 32

Width = Annotated[int, Field(ge=1, le=16_384)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class MlpOptions(Options):
    """Options of the family `mlp`: the values that its choices offer; the first of each list is the default."""

    max_depth: int = Field(default=4, ge=1, le=16)
    """Most hidden layers."""

    widths: tuple[Width, ...] = (128, 32, 64, 256)
    """Units of a hidden layer."""

    dropouts: tuple[Dropout, ...] = (0.0, 0.1, 0.3)
    """Shares of the units that are dropped after each hidden layer."""


class MlpFamily:
    """Hidden layers of linear map, normalisation, activation and dropout over the pixels.

    Images above 32 pixels are averaged over squares of pixels first, so that the first layer stays of a sensible size.
    """

    Options = MlpOptions

    def choices(self, options: MlpOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return the tree: `depth`, `activation`, `normalisation`, `dropout`, and each layer's `layerN.width`."""
        usual = min(2, options.max_depth)
        depths = (usual, *(n for n in range(1, options.max_depth + 1) if n != usual))
        return (
            Choice("depth", depths),
            Choice("activation", ACTIVATIONS),
            Choice("normalisation", NORMALISATIONS),
            Choice("dropout", options.dropouts),
            Choice("layer1.width", options.widths),
            *(
                Choice(f"layer{n}.width", options.widths, "depth", tuple(range(n, options.max_depth + 1)))
                for n in range(2, options.max_depth + 1)
            ),
        )

    def form(self, choices: Choices, options: MlpOptions) -> Form:
        """Return the canonical form."""
        whole: dict[str, Any] = {name: choices[name] for name in ("activation", "normalisation", "dropout")}
        return {**whole, "widths": [choices[f"layer{n}.width"] for n in range(1, int(choices["depth"]) + 1)]}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs of the built network."""
        tally = Tally()
        fan_in = io.channels * (io.size // shrinking(io.size)) ** 2
        for width in form["widths"]:
            tally.linear(fan_in, width, bias=has_bias(form))
            if form["normalisation"] != "none":
                tally.norm(width)
            fan_in = width
        tally.linear(fan_in, io.outputs)
        return tally.cost()

    def graph(self, form: Form) -> Graph:
        """Return a drawing with one vertex a layer."""
        drawing = Drawing()
        last = drawing.add("image")
        norm = "" if form["normalisation"] == "none" else f", {form['normalisation']} norm"
        dropout = f", dropout {form['dropout']:g}" if form["dropout"] else ""
        for width in form["widths"]:
            last = drawing.add("linear", f"{width}{norm}, {form['activation']}{dropout}", [last])
        drawing.add("logits", "linear", [last])
        return drawing.graph()

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network, newly initialised: float32 (N, channels, size, size) to logits (N, outputs)."""
        from nasflow.families.mlp.model import build

        return build(form, io)


def has_bias(form: Form) -> bool:
    """Whether hidden linear layers have a bias; batch normalisation would take it out again."""
    return bool(form["normalisation"] != "batch")


def shrinking(size: int) -> int:
    """Return the side of the squares over which images are averaged, so that at most 32 pixels a side are left."""
    return -(-size // LARGEST_INPUT)
