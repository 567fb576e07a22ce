"""What an image file says of itself before its pixels are decoded."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from PIL import Image

from nasflow.data.sources.trees import unreadable
from nasflow.serving.pixels import FORMATS, GREY_MODES

LOOKED_AT = 2000
"""How many files a scan looks into at most."""

PEEK = 64
"""Bytes kept of a file that is no image: enough to tell two apart, and no film is read whole."""

_T = TypeVar("_T")


class Header(NamedTuple):
    """What is known of an image without decoding it.

    Attributes:
        side: The shorter side in pixels.
        grey: Whether it has no colour.
    """

    side: int
    grey: bool


def header(image: Path | bytes) -> Header | None:
    """Return what an image says of itself, or None for what is no image.

    Args:
        image: A file, or its content.

    Raises:
        DataError: The file may not be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # preparation speaks of odd images, by name
            with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image, formats=FORMATS) as picture:
                return Header(min(picture.size), picture.mode in GREY_MODES or _has_grey_palette(picture))
    except PermissionError as error:
        raise unreadable(Path(error.filename), error) from error
    except Exception:  # Pillow raises many kinds of exception on damaged files; preparation names them
        return None


def spread(items: Sequence[_T]) -> list[_T]:
    """Return at most `LOOKED_AT` items, evenly spaced."""
    if len(items) <= LOOKED_AT:
        return list(items)
    return [items[place * len(items) // LOOKED_AT] for place in range(LOOKED_AT)]


def _has_grey_palette(picture: Image.Image) -> bool:
    if picture.mode != "P":
        return False
    palette = picture.getpalette() or []
    return palette[0::3] == palette[1::3] == palette[2::3]
