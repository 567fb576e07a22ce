"""Small image folders, as users have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Writer = Callable[..., Path]


def picture(seed: int, size: tuple[int, int] = (12, 12), mode: str = "RGB") -> Image.Image:
    """A random image of (width, height)."""
    bands = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], *bands), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache is the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "nasflow"


@pytest.fixture
def write_folder(tmp_path: Path) -> Writer:
    """Write `count` images for each class below `root`, a name below the test's folder."""

    def write(
        *,
        root: str = "photos",
        classes: tuple[str, ...] = ("cat", "dog"),
        count: int = 60,
        size: tuple[int, int] = (12, 12),
        mode: str = "RGB",
        suffix: str = ".png",
        seed: int = 0,
    ) -> Path:
        for place, name in enumerate(classes):
            folder = tmp_path / root / name
            folder.mkdir(parents=True)
            for number in range(count):
                picture(seed + 1000 * place + number, size, mode).save(folder / f"{number:04d}{suffix}")
        return tmp_path / root

    return write
