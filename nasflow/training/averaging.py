"""The exponential moving average of a network's weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class Average:
    """The average of a network's weights over the steps of its training (Polyak and Juditsky, 1992).

    The first steps count less, else the random weights of the beginning would stay in it for long: after n updates the
    decay is at most (1 + n) / (10 + n), as with `num_updates` of TensorFlow's `ExponentialMovingAverage`. Floating
    buffers, such as the running statistics of batch normalisation, are averaged like weights, as EfficientNet's
    training code and `use_buffers` of `torch.optim.swa_utils.AveragedModel` do: so the statistics belong to the weights
    that they stand beside, and no further pass over the data is needed. Whole numbers are those of the network itself.

    Args:
        network: The network, on its device; its weights at this moment are where the average begins.
        decay: Share of the average that a step keeps, in (0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._places = _places(network)
        self._means = [tensor.detach().clone() for tensor in self._live()]

    @torch.no_grad()
    def update(self, number: int) -> None:
        """Take in the network's weights after a step.

        Args:
            number: Updates before this one.
        """
        decay = min(self.decay, (1 + number) / (10 + number))
        torch._foreach_lerp_(self._means, self._live(), 1 - decay)

    @torch.no_grad()
    def begin(self) -> None:
        """Begin anew with the weights that the network has now."""
        torch._foreach_copy_(self._means, self._live())

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Let the network have the averaged weights, for a `with` statement; nothing is copied."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for live, mean in zip(self._live(), self._means, strict=True):
            live.data, mean.data = mean.data, live.data

    def _live(self) -> list[Tensor]:
        return [tensors[name] for tensors, name in self._places]


def _places(network: nn.Module) -> list[tuple[dict[str, Tensor], str]]:
    """Return where the floating weights and buffers are, each once; looking them up is quicker than a walk."""
    found: dict[int, tuple[dict[str, Tensor], str]] = {}
    for module in network.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None and tensor.is_floating_point():
                    found.setdefault(id(tensor), (tensors, name))  # type: ignore[arg-type]  # the others are not None
    return list(found.values())
