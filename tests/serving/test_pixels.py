"""Whatever callers call an image becomes the same pixels, or one sentence says why not."""

from __future__ import annotations

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nasflow.serving.pixels import decode, fit

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RGB[..., 0]


def encoded(image: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == np.uint8 and one.shape == other.shape and bool((one == other).all())


class TestArrays:
    @pytest.mark.parametrize("image", [RGB, GREY], ids=["rgb", "grey"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
    def test_dtypes(self, image: np.ndarray, dtype: type) -> None:
        assert same(decode(image.astype(dtype)), image)

    @pytest.mark.parametrize("image", [RGB, GREY], ids=["rgb", "grey"])
    def test_nested_lists(self, image: np.ndarray) -> None:
        assert same(decode(image.tolist()), image)
        assert same(decode(tuple(map(tuple, image.tolist()))), image)

    def test_arrays_of_arrays_as_pandas_makes_them(self) -> None:
        rows = np.empty(6, dtype=object)
        for place, row in enumerate(RGB):
            cells = np.empty(9, dtype=object)
            cells[:] = list(row)
            rows[place] = cells
        assert same(decode(rows), RGB)

    def test_channels(self) -> None:
        alpha = np.zeros((6, 9, 1), np.uint8)
        assert same(decode(GREY[..., None]), GREY)
        assert same(decode(np.concatenate([GREY[..., None], alpha], axis=2)), GREY)
        assert same(decode(np.concatenate([RGB, alpha], axis=2)), RGB)

    def test_views_are_as_good(self) -> None:
        assert same(decode(RGB[::-1, ::2]), RGB[::-1, ::2].copy())

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (np.zeros((3, 32, 32), np.uint8), r"not \(3, 32, 32\); move the channels last"),
            (np.zeros((8, 8, 5), np.uint8), r"at most 4 channels, not \(8, 8, 5\)$"),
            (np.zeros(8, np.uint8), r"not \(8,\)"),
            (np.zeros((1, 8, 8, 3), np.uint8), r"not \(1, 8, 8, 3\)"),
            (np.zeros((0, 8), np.uint8), r"not \(0, 8\)"),
            ([], r"not \(0,\)"),
            ([[1, 2], [3]], "rows do not all have the same length"),
            ([[0, 300]], "pixels are from 0 to 255, these from 0 to 300"),
            ([[-1, 3]], "these from -1 to 3"),
            ([[0.5, 0.25]], "these are fractions: multiply by 255 and round"),
            ([[float("nan"), 1.0]], "pixels are from 0 to 255"),
            ([["a", "b"]], "pixels are whole numbers from 0 to 255, not <U1"),
            (np.zeros((4, 4), bool), "not bool"),
            ([[None, 1]], "same length|not object"),
            (3, "base64 text, not int"),
            (None, "not NoneType"),
            ({"a": 1}, "not dict"),
        ],
    )
    def test_what_is_no_image(self, value: object, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            decode(value)


class TestFiles:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
    @pytest.mark.parametrize("image", [RGB, GREY], ids=["rgb", "grey"])
    def test_lossless_formats(self, kind: str, image: np.ndarray) -> None:
        assert same(decode(encoded(image, kind)), image)

    def test_lossless_webp(self) -> None:
        assert same(decode(encoded(RGB, "WEBP", lossless=True)), RGB)

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_kinds_of_bytes(self, kind: type) -> None:
        assert same(decode(kind(encoded(RGB))), RGB)

    def test_jpeg_is_as_pillow_decodes_it(self) -> None:
        content = encoded(RGB, "JPEG", quality=95)
        assert same(decode(content), np.asarray(Image.open(io.BytesIO(content))))

    @pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
    def test_base64(self, prefix: str) -> None:
        text = base64.b64encode(encoded(RGB)).decode()
        assert same(decode(prefix + text), RGB)
        assert same(decode(prefix + text[:40] + "\n" + text[40:]), RGB)

    def test_alpha_is_dropped(self) -> None:
        clear = np.dstack([RGB, np.zeros((6, 9), np.uint8)])
        assert same(decode(encoded(clear)), RGB)
        assert same(decode(encoded(Image.fromarray(GREY).convert("LA"))), GREY)

    def test_palette(self) -> None:
        picture = Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
        assert same(decode(encoded(picture)), np.asarray(picture.convert("RGB")))

    def test_one_bit(self) -> None:
        assert same(decode(encoded(Image.fromarray(GREY > 127))), (GREY > 127).astype(np.uint8) * 255)

    def test_cmyk(self) -> None:
        picture = Image.fromarray(np.full((8, 8, 3), (200, 100, 50), np.uint8)).convert("CMYK")
        found = decode(encoded(picture, "JPEG", quality=100))
        assert found.shape == (8, 8, 3)
        assert np.abs(found.astype(int) - (200, 100, 50)).max() < 6

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
    def test_16_bits_of_grey_are_scaled(self, kind: str) -> None:
        deep = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
        assert same(decode(encoded(Image.fromarray(deep), kind)), np.arange(256, dtype=np.uint8).reshape(16, 16))

    def test_floating_point_is_refused(self) -> None:
        with pytest.raises(ValueError, match="floating-point numbers, which have no fixed white: save it with 8 bits"):
            decode(encoded(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"))

    @pytest.mark.parametrize(
        ("orientation", "turn"),
        [
            (1, lambda a: a),
            (2, lambda a: a[:, ::-1]),
            (3, lambda a: a[::-1, ::-1]),
            (4, lambda a: a[::-1]),
            (5, lambda a: a.transpose(1, 0, 2)),
            (6, lambda a: np.rot90(a, -1)),
            (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
            (8, np.rot90),
        ],
    )
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_upright(self, kind: str, orientation: int, turn) -> None:  # type: ignore[no-untyped-def]
        exif = Image.Exif()
        exif[0x0112] = orientation
        assert same(decode(encoded(RGB, kind, exif=exif)), turn(RGB))

    def test_damaged_exif_is_no_hindrance(self) -> None:
        content = encoded(RGB, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
        assert decode(content).shape == RGB.shape

    def test_first_frame(self) -> None:
        frames = [Image.fromarray(np.full((4, 4), level, np.uint8)) for level in (10, 200)]
        content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert (decode(content) == 10).all()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "it holds no bytes"),
            (b"hello", "no image in a known format \\(JPEG, PNG"),
            (encoded(RGB)[:60], "the image cannot be read: "),
            (encoded(np.tile(RGB, (20, 20, 1)), "JPEG")[:900], "the image cannot be read: .*truncated"),
            (b"%PDF-1.4", "no image in a known format"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image in a known format"),
            ("%%%", "the text is not base64"),
            ("aGVsbG8=", "no image in a known format"),
            ("", "it holds no bytes"),
        ],
    )
    def test_what_is_no_image(self, content: bytes | str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            decode(content)

    def test_decompression_bomb(self) -> None:
        """A header that claims 40,000 × 40,000 pixels is refused before memory is taken."""
        content = bytearray(encoded(np.zeros((4, 4), np.uint8), "BMP"))
        content[18:26] = (40_000).to_bytes(4, "little") * 2
        with pytest.raises(ValueError, match="exceeds limit"):
            decode(bytes(content))


class TestFit:
    def test_right_size_is_left_alone(self) -> None:
        image = np.ascontiguousarray(RGB[:6, :6])
        assert same(fit(image, 6, 3), image)
        grey = np.ascontiguousarray(GREY[:6, :6])
        assert same(fit(grey, 6, 1), grey[..., None])

    @pytest.mark.parametrize("shape", [(6, 9), (1, 1), (100, 3), (300, 500)])
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("coloured", [True, False])
    def test_shape(self, shape: tuple[int, int], channels: int, coloured: bool) -> None:
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3) if coloured else shape, dtype=np.uint8)
        found = fit(image, 16, channels)
        assert (found.shape, found.dtype) == ((16, 16, channels), np.uint8)
        assert same(found, fit(image, 16, channels))

    def test_grey_becomes_equal_colours_and_back(self) -> None:
        coloured = fit(GREY, 12, 3)
        assert (coloured == coloured[..., :1]).all()
        assert same(fit(coloured, 12, 1), coloured[..., :1])

    def test_grey_is_rec_601(self) -> None:
        found = fit(np.full((4, 4, 3), (255, 0, 0), np.uint8), 4, 1)
        assert (found == round(0.299 * 255)).all()

    def test_shrinking_averages(self) -> None:
        """A fine checkerboard becomes grey, not black or white."""
        board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
        found = fit(board, 8, 1)
        assert abs(int(found.min()) - 127) < 6
        assert abs(int(found.max()) - 127) < 6

    def test_a_constant_image_stays_constant(self) -> None:
        assert (fit(np.full((37, 91, 3), 77, np.uint8), 20, 3) == 77).all()

    def test_file_and_array_agree(self) -> None:
        """What serving answers for pixels and for the file of these pixels is the same."""
        assert same(fit(decode(encoded(RGB)), 5, 3), fit(decode(RGB), 5, 3))


def test_needs_nothing_of_nasflow_or_mlflow() -> None:
    program = (
        "import sys; import nasflow.serving.pixels;"
        "sys.exit(any(n in sys.modules for n in ('torch', 'mlflow', 'pydantic', 'nasflow.errors', 'nasflow.config')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
