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


class Augmenter(Protocol):
    """Changes training batches at random, each sample on its own or together with others of its batch."""

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator, size: int) -> tuple[Tensor, Tensor]:
        """Return a changed batch; the one given stays as it is.

        Args:
            images: (N, C, H, W), uint8 or float, values 0 to 255.
            targets: int64 (N,).
            generator: Source of everything random, on the device of the batch.
            size: Height and width wanted, in pixels: those of the batch, or smaller where training is progressive.

        Returns:
            Images (N, C, size, size), of the same memory format and on the same scale, bytes or floats; and targets,
            whose first axis has N entries, in a form that the task's loss takes.
        """
        ...


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

    def check(self, recipe: TrainingConfig, io: NetworkIO) -> None:
        """Check that a training recipe suits the samples, before anything runs.

        Raises:
            ConfigError: It does not.
        """
        ...

    def augmenter(self, recipe: TrainingConfig, bundle: DataBundle) -> Augmenter:
        """Return what changes training batches, by a recipe that `check` has passed."""
        ...

    def sample_weights(self, targets: Tensor) -> Tensor:
        """Return weights that make every kind of sample count alike, as `training.balance` wants it.

        Args:
            targets: int64 (N,), of the samples trained on.

        Returns:
            float64 (N,), of mean 1.
        """
        ...

    def loss(self, recipe: TrainingConfig, io: NetworkIO, targets: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the training loss: logits (N, outputs) float and targets, as the augmenter gives them, to a scalar.

        It is a mean over the samples: that of a batch is the mean of those of its parts, weighed by their lengths.

        Args:
            recipe: The recipe.
            io: What goes into the network and what comes out.
            targets: int64 (N,), of all the samples trained on; on the device that the loss is worked out on.
        """
        ...

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return probabilities (N, outputs), float32, from logits of the same shape."""
        ...

    def evaluate(self, logits: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return every metric from the logits (N, outputs) and targets (N,) of a whole split."""
        ...
