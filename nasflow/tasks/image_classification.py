"""One class for each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nasflow import config
from nasflow.config import TrainingConfig
from nasflow.data.bundle import DataBundle
from nasflow.data.protocol import DataShape
from nasflow.errors import ConfigError
from nasflow.spaces import Architecture, NetworkIO, load_family, seen_by
from nasflow.tasks.protocol import Metric

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class ImageClassificationOptions(config.Options):
    """Options of the task: none."""


class ImageClassification:
    """Cross-entropy on classes that exclude each other."""

    Options = ImageClassificationOptions

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("accuracy", "maximize"),
        Metric("balanced_accuracy", "maximize"),
        Metric("macro_f1", "maximize"),
        Metric("loss", "minimize"),
    )

    def __init__(self, options: Any) -> None:
        """Take validated options."""

    def io(self, data: DataShape) -> NetworkIO:
        """Return what goes into a network for this data, and what comes out: a logit for each class."""
        return NetworkIO(data.channels, data.size, len(data.classes))

    def reference(self, io: NetworkIO) -> Architecture:
        """Return the residual network that suits the size of the images (He et al., 2016)."""
        from nasflow.families.resnet.space import reference_form

        return Architecture("resnet", {}, reference_form(io.size))

    def network(self, architecture: Architecture, bundle: DataBundle) -> nn.Module:
        """Return the network with its normalisation; see `image_modules.ImageNetwork`."""
        from nasflow.tasks.image_modules import ImageNetwork

        io = seen_by(architecture, self.io(bundle))
        body = load_family(architecture.family).build(architecture.form, io)
        return ImageNetwork(body, bundle.mean, bundle.std, io.size if io.size != bundle.size else None)

    def augmenter(self, recipe: TrainingConfig, io: NetworkIO) -> Callable[[Tensor, torch.Generator], Tensor]:
        """Return the random crop and flip of the recipe, drawn for each sample; see `image_modules.crop_and_flip`.

        Raises:
            ConfigError: The crop is not smaller than the images.
        """
        crop, flip = recipe.augment.crop, recipe.augment.flip
        padding = io.size // 8 if crop is None else crop
        if padding >= io.size:
            raise ConfigError(
                [f"training.augment.crop must be below the size of the images, {io.size}, not {padding}."]
            )

        def augment(batch: Tensor, generator: torch.Generator) -> Tensor:
            from nasflow.tasks.image_modules import crop_and_flip

            return crop_and_flip(batch, generator, padding, flip)

        return augment

    def loss(self, recipe: TrainingConfig) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the mean cross-entropy, with the recipe's label smoothing."""
        from torch.nn.functional import cross_entropy

        def smoothed(logits: Tensor, targets: Tensor) -> Tensor:
            return cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)

        return smoothed

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the softmax of logits (N, classes), float32."""
        return logits.float().softmax(dim=1)

    def evaluate(self, logits: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return the metrics of a whole split; see `image_modules.classification_metrics`."""
        from nasflow.tasks.image_modules import classification_metrics

        return classification_metrics(logits, targets)
