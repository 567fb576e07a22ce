"""The samples of a split, ready to be gathered into batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from nasflow.data.bundle import DataBundle
from nasflow.data.protocol import Split

RESIDENT_SHARE = 0.25
"""Largest share of a GPU's free memory that one worker's copy of a split may take."""


class Samples:
    """A split on a device.

    On a CPU the images stay in the memory-mapped file, whose pages all workers share and the system drops where memory
    is short. A GPU gets a copy where it fits; else batches are gathered on the CPU and moved.

    Args:
        bundle: The data.
        split: Which part of it.
        device: Where batches are wanted.

    Attributes:
        targets: int64 (N,) on the device.
    """

    def __init__(self, bundle: DataBundle, split: Split, device: torch.device) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            images = torch.from_numpy(bundle.images(split))
        self.device = device
        self.targets = torch.from_numpy(bundle.targets(split)).to(device)
        if device.type == "cuda" and images.numel() <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
            images = images.to(device)
        self._images = images

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.targets)

    def batch(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Gather samples.

        Args:
            places: int64 (n,) on the CPU, each in [0, N).

        Returns:
            Images, uint8 (n, C, H, W), contiguous in channels-last order, and targets, int64 (n,); both on the device.
        """
        images = self._images.index_select(0, places.to(self._images.device)).to(self.device)
        return images.permute(0, 3, 1, 2), self.targets.index_select(0, places.to(self.device))

    def in_order(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all samples in their order, `size` at a time, as `batch` does."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield self._images[part].to(self.device).permute(0, 3, 1, 2), self.targets[part]


def drawn_order(samples: int, weights: Tensor | None, chance: torch.Generator) -> Tensor:
    """Return which samples an epoch sees, in their order: int64 (samples,).

    Args:
        samples: How many there are; as many are seen.
        weights: float64 (samples,): each place goes to a sample by its weight, so that some come twice and others not
            at all; None where each comes once.
        chance: Source of the order, on the CPU.
    """
    if weights is None:
        return torch.randperm(samples, generator=chance)
    return torch.multinomial(weights, samples, replacement=True, generator=chance)


def step_count(samples: int, batch_size: int) -> int:
    """Return the steps of an epoch: as few as keep a step within `batch_size`.

    Fewer, where a batch would have one sample, which batch normalisation cannot train on.
    """
    steps = -(-samples // batch_size)
    return steps if samples // steps >= 2 else max(1, samples // 2)


def batches(order: Tensor, batch_size: int) -> tuple[Tensor, ...]:
    """Cut an epoch into batches that differ by one sample at most, so that none is tiny and every sample is seen once.

    Args:
        order: int64 (n,), the samples in the order of this epoch.
        batch_size: Largest number of samples in a batch; an odd sample may come on top, see `step_count`.
    """
    return order.tensor_split(step_count(len(order), batch_size))
