from __future__ import annotations

import torch
from torch import nn
from torchvision.models import resnet18

from nasflow.families.resnet.model import build
from nasflow.spaces import NetworkIO


def test_depth_18_is_torchvisions() -> None:
    ours, theirs = build(18, NetworkIO(3, 64, 7)).eval(), resnet18(weights=None, num_classes=7).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images))


def test_depth_18_takes_grey_images() -> None:
    assert build(18, NetworkIO(1, 64, 7))(torch.randn(2, 1, 64, 64)).shape == (2, 7)


def test_small_networks_have_the_widths_of_the_paper() -> None:
    widths = [m.out_channels for m in build(20, NetworkIO(3, 32, 10)).modules() if isinstance(m, nn.Conv2d)]
    three = [width for width in widths if width in (16, 32, 64)]
    assert widths == three == [16] * 7 + [32] * 7 + [64] * 7


def test_nothing_pools_adaptively() -> None:
    for depth in (8, 20, 18):
        kinds = {type(module).__name__ for module in build(depth, NetworkIO(3, 32, 10)).modules()}
        assert "GlobalPool" in kinds
        assert not any(kind.startswith("Adaptive") for kind in kinds)
