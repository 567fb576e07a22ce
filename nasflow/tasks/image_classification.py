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
from nasflow.tasks.protocol import Augmenter, Metric

if TYPE_CHECKING:
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

    def check(self, recipe: TrainingConfig, io: NetworkIO) -> None:
        """Check that crop and cutout are smaller than the images.

        Raises:
            ConfigError: One is not.
        """
        values = {"crop": _crop(recipe, io.size), "cutout": recipe.augment.cutout}
        problems = [
            f"training.augment.{name} must be below the size of the images, {io.size}, not {value}."
            for name, value in values.items()
            if value >= io.size
        ]
        if problems:
            raise ConfigError(problems)

    def augmenter(self, recipe: TrainingConfig, bundle: DataBundle) -> Augmenter:
        """Return the recipe's random crop, flip, cutout and mixup; see `image_changes.ImageAugmenter`."""
        from nasflow.tasks.image_changes import ImageAugmenter

        changes = recipe.augment
        return ImageAugmenter(
            crop=_crop(recipe, bundle.size),
            flip=changes.flip,
            cutout=changes.cutout,
            mixup=changes.mixup,
            grey=bundle.mean,
            classes=len(bundle.classes),
        )

    def sample_weights(self, targets: Tensor) -> Tensor:
        """Return the inverse of each sample's class's share, float64 (N,); see `image_modules.class_weights`."""
        from nasflow.tasks.image_modules import class_weights

        return class_weights(targets)[targets]

    def loss(self, recipe: TrainingConfig, io: NetworkIO, targets: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the mean cross-entropy, with the recipe's label smoothing and weights; see `image_modules`."""
        from nasflow.tasks.image_modules import CrossEntropy, class_weights

        weights = class_weights(targets, io.outputs).float() if recipe.balance == "loss" else None
        return CrossEntropy(recipe.label_smoothing, weights)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the softmax of logits (N, classes), float32."""
        return logits.float().softmax(dim=1)

    def evaluate(self, logits: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return the metrics of a whole split; see `image_modules.classification_metrics`."""
        from nasflow.tasks.image_modules import classification_metrics

        return classification_metrics(logits, targets)


def _crop(recipe: TrainingConfig, size: int) -> int:
    """Return the pixels by which images are shifted at most."""
    return size // 8 if recipe.augment.crop is None else recipe.augment.crop
