"""Training that begins with smaller images; importing it needs no torch."""

from __future__ import annotations

import math

from nasflow.config import ProgressiveConfig

_STEPS = ((16, 4), (64, 8), (math.inf, 16))
"""Images of up to so many pixels have sizes in steps of so many, as far as the whole size is divisible by that."""


def image_size(progressive: ProgressiveConfig, size: int, epoch: int, horizon: int) -> int:
    """Return the height and width of the training images of an epoch, in pixels.

    They grow evenly from the first epoch on, and the last epoch of a schedule has whole images in any case. Sizes are
    multiples of a power of two that divides the whole size: every halving within a network then cuts small images as it
    cuts whole ones, and a device meets few shapes.

    Args:
        progressive: Where it begins, and over which share of the epochs images grow.
        size: Height and width of whole images.
        epoch: Number of the epoch, from 1.
        horizon: Epochs of the whole schedule.
    """
    if epoch >= horizon:
        return size
    grown = min(1.0, (epoch - 1) / (progressive.until * horizon))
    share = progressive.start + (1 - progressive.start) * grown
    step = math.gcd(size, next(step for largest, step in _STEPS if size <= largest))
    return min(size, max(step, step * math.floor(share * size / step + 0.5)))
