"""What happens to training images, a whole batch at once: moved, mirrored, cut out, made smaller, mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, one_hot


@dataclass(frozen=True)
class ImageAugmenter:
    """The random changes of a recipe, drawn for each sample; implements `nasflow.tasks.Augmenter`.

    Attributes:
        crop: Largest shift in pixels.
        flip: Whether images are mirrored with probability one half.
        cutout: Height and width of the square that is greyed out; 0 for none.
        mixup: Alpha of the Beta distribution by which pairs are mixed; 0 for none.
        grey: Mean of each channel, in [0, 255].
        classes: Number of classes.
    """

    crop: int
    flip: bool
    cutout: int
    mixup: float
    grey: Sequence[float]
    classes: int

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator, size: int) -> tuple[Tensor, Tensor]:
        """Return the changed batch; see `nasflow.tasks.Augmenter`. Mixed targets are float32 (N, classes)."""
        images = crop_and_flip(images, generator, self.crop, self.flip)
        if self.cutout:
            images = cut_out(images, generator, self.cutout, self.grey)
        images = resized(images, size)
        if self.mixup:
            return mixed(images, one_hot(targets, self.classes).float(), generator, self.mixup)
        return images, targets


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


def cut_out(batch: Tensor, generator: torch.Generator, side: int, grey: Sequence[float]) -> Tensor:
    """Grey out a square of each image (DeVries and Taylor, 2017, arXiv:1708.04552).

    Its centre is drawn evenly from the pixels of the image, so that a part of it may lie outside, as in the paper.

    Args:
        batch: (N, C, H, W), any dtype; contiguous or channels-last.
        generator: Source of the places, on the batch's device.
        side: Height and width of the square in pixels.
        grey: What it is filled with: a value for each channel, rounded where the batch holds whole numbers.

    Returns:
        A new batch of the same shape, dtype and memory format.
    """
    count, channels, height, width = batch.shape
    device = batch.device
    draws = torch.rand((2, count, 1), generator=generator, device=device)
    reach = torch.arange(side, device=device) - side // 2
    # What lies outside is written to the border, which is in the square then: no test for each pixel is needed.
    rows = ((draws[0] * height).long() + reach).clamp_(0, height - 1)
    columns = ((draws[1] * width).long() + reach).clamp_(0, width - 1)
    samples = torch.arange(count, device=device).view(-1, 1, 1)
    places = (samples * height + rows.view(count, side, 1)) * width + columns.view(count, 1, side)
    fill = torch.tensor(grey, dtype=torch.float32, device=device)
    fill = fill.to(batch.dtype) if batch.is_floating_point() else fill.round().to(batch.dtype)
    pixels = batch.permute(0, 2, 3, 1).contiguous(memory_format=torch.contiguous_format).clone()
    pixels.view(-1, channels)[places.view(-1)] = fill
    changed = pixels.permute(0, 3, 1, 2)
    last = batch.is_contiguous(memory_format=torch.channels_last)
    return changed if last and not batch.is_contiguous() else changed.contiguous()


def resized(batch: Tensor, size: int) -> Tensor:
    """Make images smaller by antialiased bilinear interpolation.

    Args:
        batch: (N, C, H, W), H and W equal.
        size: Height and width wanted, in pixels.

    Returns:
        (N, C, size, size) of the same memory format, and on a CPU of the same dtype: bytes are several times as fast
        there as floats are. Elsewhere float32 comes of bytes. The batch itself where it has that size already.
    """
    if batch.shape[-1] == size:
        return batch
    if batch.device.type != "cpu":
        batch = batch.float()  # there are no kernels for bytes
    return interpolate(batch, size=(size, size), mode="bilinear", antialias=True)


def mixed(batch: Tensor, targets: Tensor, generator: torch.Generator, alpha: float) -> tuple[Tensor, Tensor]:
    """Mix each sample with another one (Zhang et al., 2018, arXiv:1710.09412), at one ratio for the batch.

    The other one is that at the same place from the end: the order of an epoch is random already.

    Args:
        batch: (N, C, H, W), any dtype.
        targets: float32 (N, classes), what the loss takes: with cross-entropy, mixed targets are mixed losses.
        generator: Source of the ratio, on the batch's device.
        alpha: The ratio is drawn from Beta(alpha, alpha).

    Returns:
        float32 (N, C, H, W) of the same memory format, and float32 (N, classes).
    """
    ratio = beta(alpha, generator, batch.device)
    images = torch.lerp(batch.flip(0).float(), batch.float(), ratio)
    return images, torch.lerp(targets.flip(0), targets, ratio)


def beta(alpha: float, generator: torch.Generator, device: torch.device) -> Tensor:
    """Draw from Beta(alpha, alpha): float32 (), in [0, 1], without waiting for the device.

    It is the share of one of two Gamma variables in their sum. Where alpha is so small that both round to zero, it is
    1: that distribution has nothing but 0 and 1 then, which for a pair of samples is the same.
    """
    shape = torch.full((2,), alpha, dtype=torch.float64, device=device)
    first, second = torch._standard_gamma(shape, generator=generator).unbind()
    total = first + second
    smallest = torch.finfo(torch.float64).tiny  # what torch gives in place of zero
    return torch.where(total > 2 * smallest, first / total, 1.0).float()


def _reflected(places: Tensor, length: int) -> Tensor:
    """Fold places outside [0, length) back at the borders, which are not repeated."""
    last = length - 1
    return last - (last - places.abs()).abs()
