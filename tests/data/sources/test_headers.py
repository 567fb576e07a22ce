"""What is known of an image before it is decoded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from nasflow.data.sources.headers import LOOKED_AT, Header, header, spread


def encoded(mode: str, suffix: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (30, 20)).save(buffer, suffix)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (encoded("RGB"), Header(20, False)),
        (encoded("RGB", "JPEG"), Header(20, False)),
        (encoded("L"), Header(20, True)),
        (encoded("1", "TIFF"), Header(20, True)),
        (encoded("P"), Header(20, True)),
        (encoded("RGB", "JPEG")[:20], None),
        (b"text", None),
        (b"", None),
    ],
)
def test_header(tmp_path: Path, content: bytes, found: Header | None) -> None:
    (tmp_path / "file").write_bytes(content)
    assert header(content) == header(tmp_path / "file") == found


def test_a_palette_with_colours_has_colour() -> None:
    image = Image.new("P", (8, 8))
    image.putpalette([0, 0, 0, 255, 0, 0])
    buffer = io.BytesIO()
    image.save(buffer, "GIF")
    assert header(buffer.getvalue()) == Header(8, False)


def test_spread_is_even_and_keeps_few_as_they_are() -> None:
    assert spread(range(5)) == [0, 1, 2, 3, 4]
    many = spread(range(3 * LOOKED_AT))
    assert many == list(range(0, 3 * LOOKED_AT, 3))
