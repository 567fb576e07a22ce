"""Parameters and FLOPs of any network, counted as one image goes by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nasflow.families.module.tracing import trainable
from nasflow.spaces import NetworkCost

_aten = torch.ops.aten
_PRODUCTS = {_aten.mm, _aten.addmm, _aten.bmm, _aten.baddbmm}


def count(network: nn.Module, image: Tensor) -> NetworkCost:
    """Return what a network costs.

    Multiply-accumulates of convolutions and linear layers are counted, be they modules or functions: every
    convolution, and every product of matrices one of which is a parameter or that happens in an `nn.Linear`.

    Args:
        network: The network, in evaluation.
        image: float32 (1, channels, size, size), on the network's device; it may be the meta device.
    """
    counter = _Counter(network)
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    handles = [module.register_forward_pre_hook(counter.enter) for module in linear]
    handles += [module.register_forward_hook(counter.leave) for module in linear]
    try:
        with counter:
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    return NetworkCost(trainable(network), counter.flops)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own has no types
    """Adds up the multiply-accumulates of what runs beneath it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self._linear = 0
        self._weights = {_storage(parameter) for parameter in network.parameters() if not _lazy(parameter)}

    def enter(self, module: nn.Module, inputs: object) -> None:
        self._linear += 1

    def leave(self, module: nn.Module, inputs: object, output: object) -> None:
        self._linear -= 1

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        operation = func.overloadpacket
        if operation is _aten.convolution:
            images, weight, transposed = args[0], args[1], args[6]
            # Each weight is used once at each place of the output; in a transposed convolution, of the input.
            self.flops += weight.numel() * math.prod((images if transposed else result).shape[2:]) * images.shape[0]
        elif operation in _PRODUCTS:
            left, right = args[-2:]
            if self._linear or {_storage(left), _storage(right)} & self._weights:
                self.flops += left.numel() * right.shape[-1]
        return result


def _storage(tensor: Tensor) -> int:
    """Identify a tensor's memory: a view's is that of what it views; on the meta device too."""
    return int(tensor.untyped_storage()._cdata)


def _lazy(parameter: nn.Parameter) -> bool:
    return bool(nn.parameter.is_lazy(parameter))
