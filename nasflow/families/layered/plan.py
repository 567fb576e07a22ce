"""A form laid out layer by layer for images of one size: what cost and build both follow."""

from __future__ import annotations

from dataclasses import dataclass

from nasflow.families.sizes import SMALLEST_MAP, can_halve, halved
from nasflow.spaces import Form, NetworkIO


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    Attributes:
        kind: `conv`, `separable`, `pool`, `global_pool`, `dropout` or `linear`.
        fan_in: Channels or units that come in.
        width: Channels or units that go out.
        size: Height and width of the map that goes out; 0 where it is none.
        kernel: Height and width of a convolution.
        stride: Stride of a convolution, made smaller where the map would fall below 2 pixels.
        activation: Name of the activation.
        residual: Whether the input is added to the output.
        pooling: `max` or `average`.
        share: Share that is dropped.
    """

    kind: str
    fan_in: int
    width: int
    size: int
    kernel: int = 1
    stride: int = 1
    activation: str = ""
    residual: bool = False
    pooling: str = ""
    share: float = 0.0


def plan(form: Form, io: NetworkIO) -> list[LayerPlan]:
    """Lay out the layers of a form; a pooling of a map too small for it is left out.

    Returns:
        The layers in order, without the last linear layer that gives the logits.
    """
    width, size, layers = io.channels, io.size, []
    for layer in form["layers"]:
        kind = layer["layer"]
        if kind in ("conv", "separable"):
            stride = fitting(layer["stride"], size)
            size = -(-size // stride)
            convolution = {name: layer[name] for name in ("kernel", "activation")}
            made = LayerPlan(
                kind, width, layer["width"], size, stride=stride, residual=layer.get("residual", False), **convolution
            )
        elif kind == "pool":
            if not can_halve(size):
                continue
            size = halved(size)
            made = LayerPlan(kind, width, width, size, pooling=layer["kind"])
        elif kind == "global_pool":
            size = 0
            made = LayerPlan(kind, width, width, size, pooling=layer["kind"])
        elif kind == "dropout":
            made = LayerPlan(kind, width, width, size, share=layer["share"])
        else:
            made = LayerPlan(kind, width, layer["width"], size, activation=layer["activation"])
        width = made.width
        layers.append(made)
    return layers


def fitting(stride: int, size: int) -> int:
    """Return a stride of 1, 2 or 4 as far as it leaves a map of at least 2 pixels."""
    while stride > 1 and -(-size // stride) < SMALLEST_MAP:
        stride //= 2
    return stride
