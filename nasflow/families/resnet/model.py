"""The residual networks: torchvision's ResNet-18, and the small ones of the same paper (He et al., CVPR 2016)."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

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
    from torchvision.models import resnet18  # more than a second to import, which the small networks do not need

    network: nn.Module = resnet18(weights=None, num_classes=io.outputs)
    network.conv1 = nn.Conv2d(io.channels, 64, 7, 2, 3, bias=False)
    network.avgpool = GlobalPool()
    return network


def _small(depth: int, io: NetworkIO) -> nn.Module:
    widths = LAYOUTS[depth].widths
    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(*conv_norm(io.channels, widths[0], 3), nn.ReLU()),
            blocks=nn.Sequential(*map(BasicBlock, blocks(depth))),
            pool=GlobalPool(),
            logits=nn.Linear(widths[-1], io.outputs),
        )
    )


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut around them, projected where the shape changes.

    Args:
        block: Its widths and stride.
    """

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv_norm(block.fan_in, block.width, 3, block.stride),
            nn.ReLU(),
            *conv_norm(block.width, block.width, 3),
        )
        projection = conv_norm(block.fan_in, block.width, 1, block.stride) if block.projects else [nn.Identity()]
        self.shortcut = nn.Sequential(*projection)
        self.activation = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, fan_in, H, W) to (N, width, H / stride, W / stride), rounded up."""
        summed: Tensor = self.activation(self.body(images) + self.shortcut(images))
        return summed
