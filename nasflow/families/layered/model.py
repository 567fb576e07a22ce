"""A form made into a network of layers."""

from __future__ import annotations

from torch import Tensor, nn

from nasflow.families.layered.plan import LayerPlan, plan
from nasflow.families.layers import GlobalPool, activation, conv_norm, initialise
from nasflow.spaces import Form, NetworkIO


class Shortcut(nn.Module):
    """Adds the input to what a body makes of it: (N, width, H, W) in and out.

    Args:
        body: What keeps the shape.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Apply the body to float (N, width, H, W) and add it."""
        y: Tensor = self.body(x)
        return x + y


def build(form: Form, io: NetworkIO) -> nn.Module:
    """Return the network of a form, newly initialised.

    Args:
        form: Canonical form.
        io: Channels and size of the images, and number of logits.
    """
    layers = plan(form, io)
    network = nn.Sequential(*(_layer(layer) for layer in layers), nn.Linear(layers[-1].width, io.outputs))
    initialise(network)
    return network


def _layer(layer: LayerPlan) -> nn.Module:
    if layer.kind == "pool":
        # Three wide with padding, so that odd maps shrink as they do under a strided convolution.
        return nn.MaxPool2d(3, 2, 1) if layer.pooling == "max" else nn.AvgPool2d(3, 2, 1, count_include_pad=False)
    if layer.kind == "global_pool":
        return GlobalPool(layer.pooling)
    if layer.kind == "dropout":
        return nn.Dropout(layer.share)
    if layer.kind == "linear":
        return nn.Sequential(nn.Linear(layer.fan_in, layer.width), activation(layer.activation))
    body = nn.Sequential(*_convolution(layer), activation(layer.activation))
    return Shortcut(body) if layer.residual else body


def _convolution(layer: LayerPlan) -> list[nn.Module]:
    if layer.kind == "conv":
        return conv_norm(layer.fan_in, layer.width, layer.kernel, layer.stride)
    spatial = conv_norm(layer.fan_in, layer.fan_in, layer.kernel, layer.stride, groups=layer.fan_in)
    return [*spatial, activation(layer.activation), *conv_norm(layer.fan_in, layer.width, 1)]
