"""The parts of image classification that need torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class ImageNetwork(nn.Module):
    """A network that normalises the images it is given, so that it can be fed what is stored.

    Args:
        body: Takes float32 (N, C, H, W) of mean 0 and deviation 1, gives logits (N, outputs).
        mean: Of each channel, in [0, 255].
        std: Of each channel, on the same scale.
        resolution: Height and width in pixels to which images are resized before the body; None where it takes them
            as they come.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, body: nn.Module, mean: Sequence[float], std: Sequence[float], resolution: int | None = None
    ) -> None:
        super().__init__()
        self.resize: nn.Module = nn.Identity()
        if resolution is not None:
            from nasflow.families.layers import Resize

            self.resize = Resize(resolution)
        self.body = body
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("scale", 1 / torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, outputs), float32, from uint8 or float (N, C, H, W) with values 0 to 255."""
        logits: Tensor = self.body(self.resize((images.float() - self.mean) * self.scale))
        return logits.float()


def class_weights(targets: Tensor, classes: int = 0) -> Tensor:
    """Return for each class N / (K · n), n its samples among N samples of K classes; 0 where it has none.

    So the samples of every class weigh the same together, and 1 on average; scikit-learn calls this `balanced`.

    Args:
        targets: int64 (N,), N at least 1.
        classes: Number of classes, where there may be more than the targets name.

    Returns:
        float64 (classes,), or as many as the targets name.
    """
    counts = torch.bincount(targets, minlength=classes).double()
    present = counts > 0
    return torch.where(present, len(targets) / (present.sum() * counts), 0.0)


class CrossEntropy:
    """The mean cross-entropy of samples, each of whose classes may have a weight.

    It is a mean over the samples, not over their weights: so the loss of a batch is the mean of those of its parts.

    Args:
        smoothing: Share of each target that is spread over all classes (Szegedy et al., 2016).
        weights: float32 (classes,), what the loss of a sample of each class is multiplied by; None for 1.
    """

    def __init__(self, smoothing: float, weights: Tensor | None = None) -> None:
        self.smoothing, self.weights = smoothing, weights

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss, float32 ().

        Args:
            logits: float (N, classes).
            targets: int64 (N,), or float32 (N, classes): shares that add up to 1, as mixed samples have.
        """
        logits = logits.float()
        if self.weights is None:
            return cross_entropy(logits, targets, label_smoothing=self.smoothing)
        if not targets.is_floating_point():
            losses = cross_entropy(logits, targets, label_smoothing=self.smoothing, reduction="none")
            return (losses * self.weights[targets]).mean()
        shares = targets * self.weights
        spread = shares.sum(dim=1, keepdim=True) * (self.smoothing / targets.shape[1])
        return cross_entropy(logits, shares * (1 - self.smoothing) + spread)


def classification_metrics(logits: Tensor, targets: Tensor) -> dict[str, float]:
    """Return the metrics of a classifier over a whole split.

    Own lines, checked against scikit-learn in the tests: importing torchmetrics takes longer than a trial's epoch.

    Args:
        logits: (N, classes), N at least 1.
        targets: int64 (N,).

    Returns:
        `accuracy`; `balanced_accuracy`, the mean recall of the classes present; `macro_f1`, the mean F1 of the classes
        present or predicted, where a class that is never right has 0; `loss`, the mean cross-entropy in nats.
    """
    classes = logits.shape[1]
    predicted = logits.argmax(dim=1)
    confusion = torch.bincount(targets * classes + predicted, minlength=classes**2).view(classes, classes).double()
    right, present, claimed = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    recall = right[present > 0] / present[present > 0]
    either = (present + claimed) > 0
    f1 = 2 * right[either] / (present + claimed)[either]
    return {
        "accuracy": float(right.sum() / confusion.sum()),
        "balanced_accuracy": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "loss": float(cross_entropy(logits.float(), targets)),
    }
