from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.cnn.cost import cost
from nasflow.spaces import NetworkCost, NetworkIO

IO = NetworkIO(1, 8, 10)
STEM = (9 * 16 + 32, 9 * 16 * 64)


def one_block(**stage: Any) -> NetworkCost:
    """What a single block costs on an 8×8 map with 16 channels, without stem and logits."""
    form = {"stem": 16, "activation": "relu", "head": "average", "stages": [{"depth": 1, "kernel": 3} | stage]}
    whole, width = cost(form, IO), stage["width"]
    return NetworkCost(whole.parameters - STEM[0] - 11 * 10 - (width - 10) * 10, whole.flops - STEM[1] - width * 10)


@pytest.mark.parametrize(
    ("stage", "weights", "norms", "gate"),
    [
        ({"kind": "plain", "width": 24}, 9 * 16 * 24, 24, 0),
        ({"kind": "plain", "width": 24, "kernel": 5}, 25 * 16 * 24, 24, 0),
        ({"kind": "separable", "width": 24}, 9 * 16 + 16 * 24, 16 + 24, 0),
        ({"kind": "inverted", "width": 24, "expansion": 2}, 16 * 32 + 9 * 32 + 32 * 24, 32 + 32 + 24, 0),
        ({"kind": "residual", "width": 16}, 2 * 9 * 16 * 16, 32, 0),
        ({"kind": "residual", "width": 24}, 9 * 16 * 24 + 9 * 24 * 24 + 16 * 24, 3 * 24, 0),
        ({"kind": "residual", "width": 16, "squeeze_excite": True}, 2 * 9 * 16 * 16, 32, 2 * 16 * 4),
        ({"kind": "bottleneck", "width": 16, "inner": 8}, 2 * 16 * 8 + 9 * 8 * 8, 8 + 8 + 16, 0),
        ({"kind": "bottleneck", "width": 24, "inner": 8}, 16 * 8 + 9 * 8 * 8 + 8 * 24 + 16 * 24, 8 + 8 + 2 * 24, 0),
        ({"kind": "inception", "width": 24}, 16 * 24 + 3 * 9 * 6 * 6, 24 + 3 * 6, 0),
        ({"kind": "inception", "width": 6, "kernel": 5}, 16 * 6 + 25 * (2 * 2 + 2 * 1), 6 + 2 + 2 * 1, 0),
        ({"kind": "inception", "width": 2}, 16 * 2 + 9, 2 + 1, 0),
        ({"kind": "mixer", "width": 24, "expansion": 2}, 9 * 16 + 16 * 32 + 32 * 24, 16 + 24, 0),
        ({"kind": "separable", "width": 24, "squeeze_excite": True}, 9 * 16 + 16 * 24, 16 + 24, 2 * 16 * 4),
    ],
)
def test_blocks_by_hand(stage: dict[str, Any], weights: int, norms: int, gate: int) -> None:
    made = one_block(**stage)
    biases = 4 + 16 if gate else 0
    assert made.parameters == weights + 2 * norms + gate + biases
    assert made.flops == weights * 64 + gate


def test_an_expansion_is_counted_before_the_stride() -> None:
    stage = {"kind": "inverted", "depth": 1, "kernel": 3, "width": 16, "expansion": 2}
    form = {"stem": 16, "activation": "relu", "head": "max", "pooling": "strided", "stages": [stage, stage]}
    first, rest = 16 * 32, 9 * 32 + 32 * 16
    assert cost(form, IO).flops == STEM[1] + (first + rest) * 64 + first * 64 + rest * 16 + 160
    assert cost({**form, "pooling": "max"}, IO).flops == STEM[1] + (first + rest) * 64 + (first + rest) * 16 + 160


def test_a_lower_scale_is_counted_at_its_resolution() -> None:
    stage = {"kind": "plain", "depth": 1, "kernel": 3, "width": 16}
    form = {"stem": 16, "activation": "relu", "head": "max", "stages": [stage]}
    io = NetworkIO(3, 32, 10)
    weights = 27 * 16 + 9 * 16 * 16
    assert cost(form, io).flops == weights * 32**2 + 160
    assert cost({**form, "steps_down": 2}, io).flops == weights * 24**2 + 160
    assert cost({**form, "steps_down": 2}, io).parameters == cost(form, io).parameters
