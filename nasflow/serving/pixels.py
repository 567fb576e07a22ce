"""From an image as a caller has it to the pixels that a network sees: the same in preparation and in serving."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""The file formats that are read, by Pillow's names; of a file with several frames the first one counts."""

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"})
"""Pillow's modes of images without colour."""

_CHANNELS_WITH_ALPHA = 4


def decode(value: Any) -> NDArray[np.uint8]:
    """Return the pixels of an image.

    Files are turned upright as their EXIF orientation says; transparency is dropped; palettes and CMYK become RGB;
    16 bits of grey become 8.

    Args:
        value: A uint8 array (H, W) or (H, W, C) with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels; the
            same as nested lists of whole numbers from 0 to 255; the bytes of a file in one of `FORMATS`; or those
            bytes in base64, with or without a `data:` prefix.

    Returns:
        uint8 of shape (H, W) where the image is grey, else (H, W, 3).

    Raises:
        ValueError: The value is no image; the text says why.
    """
    if isinstance(value, str):
        return _decode_file(_from_base64(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _decode_file(bytes(value))
    if isinstance(value, np.ndarray | list | tuple):
        return _decode_array(value)
    raise ValueError(
        f"an image is an array, nested lists, the bytes of a file, or base64 text, not {type(value).__name__}"
    )


def fit(image: NDArray[np.uint8], size: int, channels: int) -> NDArray[np.uint8]:
    """Return an image at the size and with the channels that a network takes.

    The whole image is stretched to a square with Pillow's bilinear filter, which averages over all the pixels that
    a new one covers; an image that has the size already keeps its pixels. Grey is Rec. 601 luma.

    Args:
        image: uint8 (H, W) or (H, W, 3), as `decode` gives it.
        size: Height and width in pixels.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        uint8 of shape (size, size, channels).
    """
    if image.shape == (size, size, channels):
        return image
    picture = Image.fromarray(image)
    mode = "L" if channels == 1 else "RGB"
    if picture.mode != mode:
        picture = picture.convert(mode)
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(size, size, channels)


def _from_base64(text: str) -> bytes:
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the text is not base64 ({error}): send a file's bytes in base64") from error


def _decode_file(content: bytes) -> NDArray[np.uint8]:
    if not content:
        raise ValueError("it holds no bytes")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            picture.load()
            return _pixels(_upright(picture))
    except UnidentifiedImageError as error:
        raise ValueError(f"it is no image in a known format ({', '.join(FORMATS)})") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds of exception on damaged files
        raise ValueError(f"the image cannot be read: {str(error) or type(error).__name__}") from error


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged EXIF raises many kinds of exception, and the pixels are there all the same
        return picture


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith("I"):  # 16 bits of grey; the mode has 32 where a decoder has no smaller one
        wide = np.clip(np.asarray(picture).astype(np.int64), 0, 65535)
        return ((wide + 128) // 257).astype(np.uint8)
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers, which have no fixed white: save it with 8 bits")
    mode = "L" if picture.mode in GREY_MODES else "RGB"
    if picture.mode == "RGBa":  # premultiplied: Pillow converts it by way of RGBA only
        picture = picture.convert("RGBA")
    return np.asarray(picture if picture.mode == mode else picture.convert(mode))


def _decode_array(value: Any) -> NDArray[np.uint8]:
    try:
        array = np.asarray(value)
        if array.dtype == object:  # rows that arrive as arrays of arrays
            array = np.asarray([[np.asarray(cell) for cell in row] for row in value])
    except (ValueError, TypeError) as error:
        raise ValueError("its rows do not all have the same length") from error
    array = _as_uint8(array)
    shape = array.shape
    if array.ndim not in (2, 3) or 0 in shape or (array.ndim == 3 and shape[2] > _CHANNELS_WITH_ALPHA):
        turned = array.ndim == 3 and shape[0] in (1, 3, 4)
        hint = "; move the channels last" if turned else ""
        raise ValueError(f"an image has the shape (H, W) or (H, W, C) with at most 4 channels, not {shape}{hint}")
    if array.ndim == 2:
        return np.ascontiguousarray(array)
    if shape[2] <= 2:
        return np.ascontiguousarray(array[:, :, 0])
    return np.ascontiguousarray(array[:, :, :3])


def _as_uint8(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iuf":
        raise ValueError(f"pixels are whole numbers from 0 to 255, not {array.dtype}")
    if array.size and not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 255):
        raise ValueError(f"pixels are from 0 to 255, these from {array.min()} to {array.max()}")
    if array.dtype.kind == "f" and not (array == np.floor(array)).all():
        raise ValueError("pixels are whole numbers from 0 to 255, these are fractions: multiply by 255 and round")
    return array.astype(np.uint8)
