"""Spatial sizes and costs, counted without torch: the rules that the built networks follow too."""

from __future__ import annotations

from nasflow.spaces import NetworkCost

LARGEST_MAP = 64
SMALLEST_MAP = 2
SMALLEST_IMAGE = 8
RESOLUTION_STEP = 1.15
"""Factor between the resolutions of two neighbouring scales (Tan & Le, 2019)."""


def can_halve(size: int) -> bool:
    """Whether a map is still large enough for a stride of two: none falls below 2 pixels."""
    return (size + 1) // 2 >= SMALLEST_MAP


def halved(size: int) -> int:
    """Return height and width after a stride of two, where the map is large enough for one."""
    return (size + 1) // 2 if can_halve(size) else size


def halvings(size: int) -> int:
    """Return how many times a map can be halved."""
    count = 0
    while can_halve(size):
        size, count = halved(size), count + 1
    return count


def stem_stride(size: int) -> int:
    """Return the stride of a stem: the smallest power of two that leaves a map of at most 64 pixels."""
    stride = 1
    while -(-size // stride) > LARGEST_MAP:
        stride *= 2
    return stride


def stem_kernel(stride: int) -> int:
    """Return the kernel of a stem: 3, or as wide as makes neighbouring windows overlap."""
    return max(3, 2 * stride - 1)


def resolution(size: int, steps: float) -> int:
    """Return the size that images are brought to some steps of compound scaling below the largest network.

    Args:
        size: Height and width as stored.
        steps: How many steps below; 0 keeps the size.

    Returns:
        The size divided by 1.15 for each step, rounded, but not below 8 pixels, and never above `size`.
    """
    made: int = round(size / RESOLUTION_STEP**steps)
    return min(size, max(SMALLEST_IMAGE, made))


class Tally:
    """Adds up parameters and multiply-accumulate operations, layer by layer.

    Attributes:
        parameters: Trainable parameters so far.
        flops: Multiply-accumulate operations of convolutions and linear layers so far, for one sample.
    """

    def __init__(self) -> None:
        self.parameters = 0
        self.flops = 0

    def conv(self, fan_in: int, fan_out: int, kernel: int, size: int, groups: int = 1) -> None:
        """Add a square convolution without bias whose output is (fan_out, size, size)."""
        weights = fan_in // groups * fan_out * kernel * kernel
        self.parameters += weights
        self.flops += weights * size * size

    def norm(self, width: int) -> None:
        """Add a normalisation with scale and shift."""
        self.parameters += 2 * width

    def conv_norm(self, fan_in: int, fan_out: int, kernel: int, size: int, groups: int = 1) -> None:
        """Add a convolution and the normalisation after it."""
        self.conv(fan_in, fan_out, kernel, size, groups)
        self.norm(fan_out)

    def linear(self, fan_in: int, fan_out: int, *, bias: bool = True) -> None:
        """Add a linear layer."""
        self.parameters += (fan_in + bias) * fan_out
        self.flops += fan_in * fan_out

    def cost(self) -> NetworkCost:
        """Return what has been counted."""
        return NetworkCost(self.parameters, self.flops)
