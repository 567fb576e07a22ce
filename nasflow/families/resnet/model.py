"""The residual networks, made of torchvision's."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

from nasflow.families.layers import GlobalPool, conv_norm, initialise
from nasflow.families.resnet.layout import LAYOUTS, ResidualBlock, blocks
from nasflow.spaces import NetworkIO


def build(depth: int, io: NetworkIO) -> nn.Module:
    """Return a residual network, newly initialised.

    Args:
        depth: 8, 20 or 18.
        io: Channels and size of the images, and number of logits.
    """
    network = _imagenet(io) if depth == 18 else _small(depth, io)
    initialise(network)
    return network


def _imagenet(io: NetworkIO) -> nn.Module:
    network: nn.Module = resnet18(weights=None, num_classes=io.outputs)
    network.conv1 = nn.Conv2d(io.channels, 64, 7, 2, 3, bias=False)
    network.avgpool = GlobalPool()
    return network


def _small(depth: int, io: NetworkIO) -> nn.Module:
    widths = LAYOUTS[depth].widths
    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(*conv_norm(io.channels, widths[0], 3), nn.ReLU()),
            blocks=nn.Sequential(*map(_block, blocks(depth))),
            pool=GlobalPool(),
            logits=nn.Linear(widths[-1], io.outputs),
        )
    )


def _block(block: ResidualBlock) -> nn.Module:
    shortcut = nn.Sequential(*conv_norm(block.fan_in, block.width, 1, block.stride)) if block.projects else None
    made: nn.Module = BasicBlock(block.fan_in, block.width, block.stride, shortcut)
    return made
