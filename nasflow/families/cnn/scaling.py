"""Compound scaling: width and depth of a network grow together, and the resolution with them (Tan & Le, ICML 2019)."""

from __future__ import annotations

import math

from nasflow.spaces import Choices

DEPTH_STEP = 1.2
"""Factor of a stage's depth for each step of the scale; the resolution's is in `nasflow.families.sizes`."""

WIDTH_STEP = 1.1
"""Factor of all widths for each step of the scale."""

DIVISOR = 8
"""Scaled widths are multiples of it."""


def scaled(choices: Choices, scale: float) -> tuple[int, list[tuple[int, int]]]:
    """Return the width of the stem, and depth and width of each stage, all at a scale.

    Args:
        choices: A legal assignment, whose widths and depths are those of scale 0.
        scale: The compound coefficient, 0 or more.
    """
    stages = (f"stage{number}." for number in range(1, int(choices["stages"]) + 1))
    shapes = [
        (scaled_depth(int(choices[stage + "depth"]), scale), scaled_width(int(choices[stage + "width"]), scale))
        for stage in stages
    ]
    return scaled_width(int(choices["stem"]), scale), shapes


def scaled_depth(depth: int, scale: float) -> int:
    """Return a stage's depth at a scale: rounded up, as in EfficientNet."""
    exact: float = depth * DEPTH_STEP**scale
    return math.ceil(round(exact, 9))


def scaled_width(width: int, scale: float) -> int:
    """Return a width at a scale: the nearest multiple of 8 that is not below nine tenths; scale 0 changes nothing."""
    if scale == 0:
        return width
    exact: float = width * WIDTH_STEP**scale
    rounded = max(DIVISOR, int(exact + DIVISOR / 2) // DIVISOR * DIVISOR)
    return rounded if rounded >= 0.9 * exact else rounded + DIVISOR
