"""Networks built for a test, and what they really cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasflow.spaces import Architecture, NetworkCost, NetworkIO, SearchSpace

if TYPE_CHECKING:
    from torch import Tensor, nn


def batch(io: NetworkIO, size: int = 4) -> Tensor:
    """Return random images, float32 (size, channels, size, size), the same at each call."""
    import torch

    return torch.randn(size, io.channels, io.size, io.size, generator=torch.Generator().manual_seed(0))


def build(space: SearchSpace, architecture: Architecture, seed: int = 0) -> nn.Module:
    """Return a network with the weights of a seed."""
    import torch

    torch.manual_seed(seed)
    return space.provider.build(architecture.form, space.io)


def settle(network: nn.Module, images: Tensor) -> None:
    """Let running statistics see a batch, then switch to evaluation."""
    import torch

    with torch.no_grad():
        network.train()(images)
    network.eval()


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def measured_cost(network: nn.Module, io: NetworkIO) -> NetworkCost:
    """Return parameters, and multiply-accumulates counted in convolutions and linear layers as one image goes by."""
    import torch
    from torch import nn

    flops = 0

    def counted(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal flops
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        # A convolution applies all its weights once at each place of its output, a linear layer once a row.
        places = output[0, 0].numel() if isinstance(module, nn.Conv2d) else output.numel() // output.shape[-1]
        flops += weight.numel() * places

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    handles = [layer.register_forward_hook(counted) for layer in layers]
    with torch.no_grad():
        network.eval()(batch(io, 1))
    for handle in handles:
        handle.remove()
    return NetworkCost(parameters(network), flops)
