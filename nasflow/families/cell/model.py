"""A form made into a network of cells (Dong & Yang, 2020, section 2)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from nasflow.families.cell.space import STAGES
from nasflow.families.layers import GlobalPool, conv, conv_norm, initialise, stem
from nasflow.families.sizes import can_halve, halved, stem_stride
from nasflow.families.sums import total
from nasflow.spaces import Form, NetworkIO


class Cell(nn.Module):
    """One cell: (N, width, H, W) in and out.

    Args:
        operations: The live operations, in an order in which each reads earlier ones only.
        output: Terms of the output; none makes it zero.
        width: Number of channels.
    """

    def __init__(self, operations: Sequence[Mapping[str, Any]], output: Sequence[int], width: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(_operation(operation["op"], width) for operation in operations)
        self.reads = [Counter(operation["reads"]) for operation in operations]
        self.output = Counter(output)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the cell to float (N, width, H, W)."""
        terms = [x]
        for operation, reads in zip(self.operations, self.reads, strict=True):
            terms.append(operation(total(terms, reads)))
        return total(terms, self.output)


class Reduction(nn.Module):
    """The residual block between two stages: (N, width / 2, H, W) to (N, width, H / 2, W / 2), rounded up.

    Args:
        width: Channels that go out.
        size: Height and width of what comes in.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        stride = 2 if can_halve(size) else 1
        first = _relu_conv_norm(width // 2, width, 3, stride)
        self.body = nn.Sequential(first, _relu_conv_norm(width, width, 3))
        self.shortcut = nn.Sequential(_halving(size), conv(width // 2, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to float (N, width / 2, H, W)."""
        result: Tensor = self.body(x) + self.shortcut(x)
        return result


def build(form: Form, io: NetworkIO) -> nn.Module:
    """Return the network of a form, newly initialised.

    Args:
        form: Canonical form.
        io: Channels and size of the images, and number of logits.
    """
    width, size = form["width"], -(-io.size // stem_stride(io.size))
    stages: list[nn.Module] = []
    for stage in range(STAGES):
        if stage:
            width *= 2
            stages.append(Reduction(width, size))
            size = halved(size)
        stages += [Cell(form["operations"], form["output"], width) for _ in range(form["cells"])]
    network = nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(*stem(io.channels, form["width"], io.size)),
            stages=nn.Sequential(*stages),
            last=nn.Sequential(nn.BatchNorm2d(width), nn.ReLU()),
            pool=GlobalPool(),
            logits=nn.Linear(width, io.outputs),
        )
    )
    initialise(network)
    return network


def _operation(op: str, width: int) -> nn.Module:
    if op == "avg_pool_3x3":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    return _relu_conv_norm(width, width, 3 if op == "nor_conv_3x3" else 1)


def _relu_conv_norm(fan_in: int, fan_out: int, kernel: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.ReLU(), *conv_norm(fan_in, fan_out, kernel, stride))


def _halving(size: int) -> nn.Module:
    if not can_halve(size):
        return nn.Identity()
    # The paper's maps are even; on odd ones this rounds up, as the strided convolution beside it does.
    return nn.AvgPool2d(3, 2, 1, count_include_pad=False) if size % 2 else nn.AvgPool2d(2)
