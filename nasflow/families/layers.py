"""Layers that several families share. All of them export to ONNX and work in channels-last memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nasflow.families.depthwise import DepthwiseConv
from nasflow.families.sizes import resolution, stem_kernel, stem_stride

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def activation(name: str, *, inplace: bool = False) -> nn.Module:
    """Return a new activation.

    Args:
        name: `relu`, `silu`, `gelu`, `tanh` or `sigmoid`.
        inplace: Whether ReLU may write over its input, which saves time and memory: so after a normalisation or an
            addition whose result nothing else reads.
    """
    return nn.ReLU(inplace=True) if inplace and name == "relu" else _ACTIVATIONS[name]()


def conv(fan_in: int, fan_out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a square convolution without bias; odd kernels keep a map's size, a stride s gives ceil(size / s)."""
    if 1 < groups == fan_in == fan_out:
        return DepthwiseConv(groups, kernel, stride)
    return nn.Conv2d(fan_in, fan_out, kernel, stride, kernel // 2, groups=groups, bias=False)


def conv_norm(fan_in: int, fan_out: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Return such a convolution and the batch normalisation after it."""
    return [conv(fan_in, fan_out, kernel, stride, groups), nn.BatchNorm2d(fan_out)]


def stem(channels: int, width: int, size: int) -> list[nn.Module]:
    """Return the first convolution of a network and its normalisation; images above 64 pixels are made smaller here."""
    stride = stem_stride(size)
    return conv_norm(channels, width, stem_kernel(stride), stride)


class GlobalPool(nn.Module):
    """Average or maximum over a map: (N, C, H, W) to (N, C).

    Args:
        kind: `average` or `max`.
    """

    def __init__(self, kind: str = "average") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """Pool float (N, C, H, W) to (N, C)."""
        return functional.adaptive_max_pool2d(x, 1).flatten(1) if self.kind == "max" else channel_means(x)


def channel_means(x: Tensor) -> Tensor:
    """Return the average of each map: float (N, C, H, W) to (N, C).

    It is `x.mean((2, 3))`, whose gradient would come in another memory format than channels-last maps and make every
    step of the backward pass until the next convolution several times slower on a CPU.
    """
    return x.permute(0, 2, 3, 1).mean((1, 2))


class Resize(nn.Module):
    """Brings images to a fixed size: bilinear interpolation, antialiased where they shrink.

    It has no parameters, counts no FLOPs and is meant for what goes into a network.

    Args:
        size: Height and width of the result in pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Resize float (N, C, H, W) to (N, C, size, size); the memory format stays."""
        return _resized(x, self.size)

    def extra_repr(self) -> str:
        """Return the size for printing."""
        return f"size={self.size}"


class ScaleDown(nn.Module):
    """Brings images to the resolution of a lower scale, as `Resize` does: see `nasflow.families.sizes.resolution`.

    The size goes by that of the images: smaller ones than a network was built for become smaller in proportion.

    Args:
        steps: How many steps of compound scaling the network is below the largest one.
    """

    def __init__(self, steps: float) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """Resize float (N, C, H, W), H and W equal; the memory format stays."""
        return _resized(x, resolution(int(x.shape[2]), self.steps))

    def extra_repr(self) -> str:
        """Return the steps for printing."""
        return f"steps={self.steps}"


def _resized(x: Tensor, size: int) -> Tensor:
    height, width = int(x.shape[2]), int(x.shape[3])
    if (height, width) == (size, size):
        return x
    if not torch.onnx.is_in_onnx_export():
        return functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
    # ONNX has an antialiased resize from opset 18 on only; the same weights as matrices work in all.
    rows, columns = _interpolation(height, size), _interpolation(width, size)
    return rows.to(x) @ (x @ columns.T.to(x))


def _interpolation(source: int, target: int) -> Tensor:
    """Return the weights of linear interpolation along one axis, float32 (target, source); each row sums to one."""
    scale = source / target
    centres = (torch.arange(target, dtype=torch.float64) + 0.5) * scale
    places = torch.arange(source, dtype=torch.float64) + 0.5
    weights = (1 - (places - centres[:, None]).abs() / max(scale, 1)).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).float()


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate computed from all channels' averages (Hu et al., 2018).

    Args:
        width: Number of channels.
        squeezed: Number of channels in between.
    """

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        # Not ReLU: few units that read nearly constant averages may all be dead from the start.
        self.gate = nn.Sequential(nn.Linear(width, squeezed), nn.SiLU(), nn.Linear(squeezed, width), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Scale float (N, width, H, W); the shape stays."""
        gates: Tensor = self.gate(channel_means(x))
        # In channels-last order, in which the gates' gradient is summed up several times faster.
        return (x.permute(0, 2, 3, 1) * gates[:, None, None]).permute(0, 3, 1, 2)


def initialise(network: nn.Module) -> None:
    """Draw new weights in place: Kaiming for convolutions (fan out; He et al., 2015), torch's own for linear layers."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
