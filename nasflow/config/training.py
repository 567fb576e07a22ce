"""The training recipe: everything that shapes a trial's numbers except the network and the data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nasflow.config.base import Section


class AugmentConfig(Section):
    """Random changes to training images, drawn for each sample anew."""

    crop: int | None = Field(default=None, ge=0, le=64)
    """Pixels by which an image is padded (reflected) and randomly shifted; by default an eighth of its size."""

    flip: bool = False
    """Whether images are mirrored left to right half of the time; wrong for digits and letters."""


class TrainingConfig(Section):
    """The training recipe, shared by trials, finalists and the reference network."""

    optimizer: Literal["sgd", "adamw"] = "sgd"
    """`sgd` is stochastic gradient descent with Nesterov momentum; `adamw` is Adam with decoupled weight decay."""

    learning_rate: float | None = Field(default=None, gt=0, le=10)
    """Peak learning rate; by default 0.1 for `sgd` and 0.003 for `adamw`, for a batch of 128."""

    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of `sgd`; the first beta of `adamw`."""

    weight_decay: float = Field(default=5e-4, ge=0, le=1)
    """Weight decay; biases and normalisation weights are left out."""

    schedule: Literal["cosine", "one_cycle"] = "one_cycle"
    """`cosine` falls from the peak to zero; `one_cycle` first rises to it over 30 % of the steps."""

    batch_size: int = Field(default=128, ge=2, le=8192)
    """Samples a step."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target spread over all classes."""

    clip_norm: float | None = Field(default=None, gt=0)
    """Largest allowed norm of the gradient; by default no limit."""

    augment: AugmentConfig = AugmentConfig()
    """Random changes to training images."""

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate at its highest."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 0.1 if self.optimizer == "sgd" else 0.003
