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


def crop_and_flip(batch: Tensor, generator: torch.Generator, padding: int, flip: bool) -> Tensor:
    """Shift each image by its own random offset, reflecting at the borders, and mirror half of them left to right.

    Cropping a reflected padding at a random place is the same as reading every pixel from a shifted, reflected place:
    the rows and columns to read are worked out for each image, and fetched in one go.

    Args:
        batch: (N, C, H, W), any dtype; contiguous or channels-last.
        generator: Source of the offsets, on the batch's device.
        padding: Largest shift in pixels, below H and W.
        flip: Whether images are mirrored with probability one half.

    Returns:
        A new batch of the same shape, dtype and memory format; the batch itself where there is nothing to change.
    """
    if not padding and not flip:
        return batch
    count, channels, height, width = batch.shape
    draws = torch.rand((3, count, 1), generator=generator, device=batch.device)
    shifts = (draws[:2] * (2 * padding + 1)).long().clamp_(max=2 * padding) - padding
    rows = _reflected(torch.arange(height, device=batch.device) + shifts[0], height)
    columns = _reflected(torch.arange(width, device=batch.device) + shifts[1], width)
    if flip:
        columns = torch.where(draws[2] < 0.5, width - 1 - columns, columns)
    samples = torch.arange(count, device=batch.device).view(-1, 1, 1)
    places = (samples * height + rows.view(count, height, 1)) * width + columns.view(count, 1, width)
    if batch.is_contiguous(memory_format=torch.channels_last) and not batch.is_contiguous():
        pixels = batch.permute(0, 2, 3, 1).reshape(-1, channels)
        return pixels.index_select(0, places.view(-1)).view(count, height, width, channels).permute(0, 3, 1, 2)
    local = (rows.view(count, 1, height, 1) * width + columns.view(count, 1, 1, width)).view(count, 1, -1)
    flat = batch.reshape(count, channels, -1)
    return flat.gather(2, local.expand(-1, channels, -1)).view(batch.shape)


def _reflected(places: Tensor, length: int) -> Tensor:
    """Fold places outside [0, length) back at the borders, which are not repeated."""
    last = length - 1
    return last - (last - places.abs()).abs()


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
