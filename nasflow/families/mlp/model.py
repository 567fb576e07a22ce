"""A form made into a multi-layer perceptron."""

from __future__ import annotations

from torch import nn

from nasflow.families.layers import activation
from nasflow.families.mlp.space import has_bias, shrinking
from nasflow.spaces import Form, NetworkIO

_NORMALISATIONS: dict[str, type[nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "none": nn.Identity,
}


def build(form: Form, io: NetworkIO) -> nn.Module:
    """Return the perceptron of a form, newly initialised.

    Args:
        form: Canonical form.
        io: Channels and size of the images, and number of logits.
    """
    square = shrinking(io.size)
    layers: list[nn.Module] = [nn.AvgPool2d(square)] if square > 1 else []
    layers.append(nn.Flatten())
    fan_in = io.channels * (io.size // square) ** 2
    for width in form["widths"]:
        layers += [_linear(fan_in, width, form), _NORMALISATIONS[form["normalisation"]](width)]
        layers += [activation(form["activation"])]
        layers += [nn.Dropout(form["dropout"])] if form["dropout"] else []
        fan_in = width
    return nn.Sequential(*layers, nn.Linear(fan_in, io.outputs))


def _linear(fan_in: int, width: int, form: Form) -> nn.Linear:
    """Kaiming weights (He et al., 2015) before activations that halve the signal, Glorot's before saturating ones."""
    act = form["activation"]
    layer = nn.Linear(fan_in, width, bias=has_bias(form))
    if act in ("tanh", "sigmoid"):
        nn.init.xavier_normal_(layer.weight, gain=nn.init.calculate_gain(act))
    else:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
