from __future__ import annotations

import subprocess
import sys

import pytest

from nasflow.config import ProgressiveConfig
from nasflow.training.progression import image_size


def sizes(size: int, horizon: int, **options: float) -> list[int]:
    progressive = ProgressiveConfig(**options)
    return [image_size(progressive, size, epoch, horizon) for epoch in range(1, horizon + 1)]


def test_images_grow_evenly_then_stay() -> None:
    assert sizes(224, 10, start=0.5, until=0.6) == [112, 128, 144, 176, 192, 208, 224, 224, 224, 224]
    assert sizes(32, 6, start=0.5, until=0.6) == [16, 24, 24, 32, 32, 32]


@pytest.mark.parametrize("size", [8, 9, 16, 28, 32, 33, 48, 64, 96, 97, 224])
@pytest.mark.parametrize("horizon", [1, 2, 3, 10, 90])
@pytest.mark.parametrize("until", [0.01, 0.6, 1.0])
@pytest.mark.parametrize("start", [0.01, 0.5, 1.0])
def test_never_shrink_and_end_whole(size: int, horizon: int, until: float, start: float) -> None:
    found = sizes(size, horizon, start=start, until=until)
    assert found == sorted(found)
    assert found[-1] == size
    assert found[0] >= 1
    assert start < 1 or set(found) == {size}
    assert all(side == size for side in found[round(until * horizon) + 1 :])


@pytest.mark.parametrize(("size", "step"), [(8, 4), (16, 4), (28, 4), (32, 8), (64, 8), (96, 16), (224, 16), (50, 2)])
def test_sizes_can_be_halved_as_whole_images_can(size: int, step: int) -> None:
    assert all(side % step == 0 for side in sizes(size, 50, start=0.1, until=1.0))


def test_needs_no_torch() -> None:
    program = "import sys, nasflow.training.progression; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
