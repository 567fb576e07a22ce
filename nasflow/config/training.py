"""The training recipe: everything that shapes a trial's numbers except the network and the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from nasflow.config.base import Section


class AugmentConfig(Section):
    """Random changes to training images, drawn for each sample anew."""

    crop: int | None = Field(default=None, ge=0, le=64)
    """Pixels by which an image is padded (reflected) and randomly shifted; by default an eighth of its size."""

    flip: bool = False
    """Whether images are mirrored left to right half of the time; wrong for digits and letters."""

    cutout: int = Field(default=0, ge=0, le=224)
    """Height and width in pixels of a square, at a random place, that is greyed out (DeVries and Taylor, 2017)."""

    mixup: float = Field(default=0.0, ge=0, le=10)
    """Alpha of the Beta distribution by which pairs of images and their labels are mixed (Zhang et al., 2018)."""


class ProgressiveConfig(Section):
    """Training that begins with smaller images, which cost less, and ends with whole ones (Howard, 2018)."""

    start: float = Field(default=0.5, gt=0, le=1)
    """Height and width at the beginning, as a share of those of the stored images."""

    until: float = Field(default=0.6, gt=0, le=1)
    """Share of the epochs over which they grow, evenly."""


class TrainingConfig(Section):
    """The training recipe, shared by trials, finalists and the reference network."""

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"] = "sgd"
    """`sgd` is stochastic gradient descent with Nesterov momentum; `adamw` is Adam with decoupled weight decay, `adam`
    has it in the gradient, as `rmsprop` does."""

    learning_rate: float | None = Field(default=None, gt=0, le=10)
    """Peak learning rate; by default 0.1 for `sgd`, 0.003 for `adam` and `adamw`, 0.001 for `rmsprop`, for a batch of
    128."""

    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of `sgd` and `rmsprop`; the first beta of `adam` and `adamw`."""

    weight_decay: float = Field(default=5e-4, ge=0, le=1)
    """Weight decay; biases and normalisation weights are left out."""

    schedule: Literal["cosine", "one_cycle"] = "one_cycle"
    """`cosine` falls from the peak to zero; `one_cycle` first rises to it over the steps of `warm_up`."""

    warm_up: float = Field(default=0.3, gt=0, lt=1)
    """Share of the steps over which `one_cycle` rises."""

    batch_size: int = Field(default=128, ge=2, le=8192)
    """Samples a step."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target spread over all classes."""

    clip_norm: float | None = Field(default=None, gt=0)
    """Largest allowed norm of the gradient; by default no limit."""

    ema: float | None = Field(default=None, gt=0, lt=1)
    """Decay a step of an exponential moving average of the weights, which is what is evaluated and kept; by default
    there is none (Polyak and Juditsky, 1992)."""

    balance: Literal["none", "loss", "sampler"] = "none"
    """What is done about classes of different sizes: `loss` weighs each sample by the inverse of its class's share,
    `sampler` draws samples so that all classes come equally often."""

    progressive: ProgressiveConfig | None = None
    """Smaller images at the beginning; by default all epochs have whole ones."""

    augment: AugmentConfig = AugmentConfig()
    """Random changes to training images."""

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate at its highest."""
        if self.learning_rate is not None:
            return self.learning_rate
        return {"sgd": 0.1, "rmsprop": 0.001}.get(self.optimizer, 0.003)

    def with_choices(self, recipe: Mapping[str, Any]) -> TrainingConfig:
        """Return the recipe with some settings replaced.

        Args:
            recipe: Values by the names of their fields, as in `learning_rate` or `augment.crop`.

        Raises:
            pydantic.ValidationError: A field is unknown or a value is not valid.
        """
        document = self.model_dump(exclude_unset=True)
        for name, value in recipe.items():
            inner = document
            *sections, last = name.split(".")
            for section in sections:
                inner[section] = dict(inner.get(section) or {})
                inner = inner[section]
            inner[last] = value
        return TrainingConfig.model_validate(document)
