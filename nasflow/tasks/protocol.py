"""What a task offers: loss, metrics, output head and reference network. Importing it needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from nasflow.config import Options, TrainingConfig
from nasflow.data.bundle import DataBundle
from nasflow.data.protocol import DataShape
from nasflow.spaces import Architecture, NetworkIO

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Metric:
    """A metric of a task.

    Attributes:
        name: Without the split, as in `accuracy`.
        direction: Which way is better.
    """

    name: str
    direction: Literal["maximize", "minimize"]


class Task(Protocol):
    """What is to be learned."""

    Options: ClassVar[type[Options]]
    """Model of `task.options`."""

    metrics: ClassVar[tuple[Metric, ...]]
    """The metrics that `evaluate` gives, the deciding one first."""

    def __init__(self, options: Any) -> None:
        """Take validated options."""
        ...

    def io(self, data: DataShape) -> NetworkIO:
        """Return what goes into a network for this data, and what comes out."""
        ...

    def reference(self, io: NetworkIO) -> Architecture:
        """Return the network that a search has to beat."""
        ...

    def network(self, architecture: Architecture, bundle: DataBundle) -> nn.Module:
        """Return the whole network, normalisation included.

        Its `forward` takes uint8 or float32 (N, C, H, W) with values 0 to 255 and gives logits (N, outputs), float32.
        """
        ...

    def augmenter(self, recipe: TrainingConfig, io: NetworkIO) -> Callable[[Tensor, torch.Generator], Tensor]:
        """Return a function from a batch (N, C, H, W), uint8 or float, and a generator to the changed batch.

        Shape and dtype stay; each sample is changed on its own.
        """
        ...

    def loss(self, recipe: TrainingConfig) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the loss: logits (N, outputs) float and targets (N,) int64 to a scalar."""
        ...

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return probabilities (N, outputs), float32, from logits of the same shape."""
        ...

    def evaluate(self, logits: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return every metric from the logits (N, outputs) and targets (N,) of a whole split."""
        ...
