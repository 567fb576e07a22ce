"""Names of images, archives and junk."""

from __future__ import annotations

import pytest

from nasflow.data.sources.names import is_archive_name, is_hidden, is_image_name, readable


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "x.y.png", "b.Tif", "c.webp", "d.pgm", "e.gif", "f.bmp"])
def test_image_names(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["a.txt", "jpg", "a.jpg.part", "a", "a.svg", "a.mp4"])
def test_other_names(name: str) -> None:
    assert not is_image_name(name)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.zip", True),
        ("A.TAR.GZ", True),
        ("a.tgz", True),
        ("a.txz", True),
        ("a.gz", False),
        ("zip", False),
        ("a.7z", False),
    ],
)
def test_archive_names(name: str, known: bool) -> None:
    assert is_archive_name(name) is known


@pytest.mark.parametrize(
    ("name", "hidden"), [(".git", True), ("Thumbs.db", True), ("__MACOSX", True), ("a.jpg", False), ("_a", False)]
)
def test_hidden_names(name: str, hidden: bool) -> None:
    assert is_hidden(name) is hidden


@pytest.mark.parametrize(
    ("stored", "legible"),
    [
        (b"cat/1.jpg", "cat/1.jpg"),
        ("caf\u00e9/\u4e00".encode(), "caf\u00e9/\u4e00"),
        (b"caf\xe9", "caf\u00e9"),
        ("caf\u00e9/".encode() + b"\xfc.jpg", "caf\u00e9/\u00fc.jpg"),
        (b"\x80 5/\x81", "\u20ac 5/\\x81"),
    ],
)
def test_names_that_are_not_utf8_are_read_one_by_one(stored: bytes, legible: str) -> None:
    assert readable(stored.decode("utf-8", "surrogateescape")) == legible
