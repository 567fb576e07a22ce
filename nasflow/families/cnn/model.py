"""A form made into a convolutional network."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from nasflow.families.cnn.blocks import Block
from nasflow.families.cnn.plan import plan, plan_stem
from nasflow.families.layers import GlobalPool, ScaleDown, activation, initialise, stem
from nasflow.spaces import Form, NetworkIO


def build(form: Form, io: NetworkIO) -> nn.Module:
    """Return the network of a form: resize, stem, blocks, global pooling and a linear layer, newly initialised.

    Args:
        form: Canonical form.
        io: Channels and size of the images, and number of logits.
    """
    act = form["activation"]
    blocks = plan(form, io)
    resize = {"resize": ScaleDown(form["steps_down"])} if plan_stem(form, io).image != io.size else {}
    network = nn.Sequential(
        OrderedDict(
            **resize,
            stem=nn.Sequential(*stem(io.channels, form["stem"], io.size), activation(act, inplace=True)),
            blocks=nn.Sequential(*(Block(block, act) for block in blocks)),
            pool=GlobalPool(form["head"]),
            logits=nn.Linear(blocks[-1].width, io.outputs),
        )
    )
    initialise(network)
    return network
