"""The grammar of `data.source`."""

from __future__ import annotations

import pytest

from nasflow.config import split_source
from nasflow.errors import ConfigError


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("sklearn:digits", ("sklearn", "digits")),
        ("folder:photos", ("folder", "photos")),
        ("folder:/data/a:b", ("folder", "/data/a:b")),
        ("folder:C:\\photos", ("folder", "C:\\photos")),
        ("photos", ("folder", "photos")),
        ("./photos", ("folder", "./photos")),
        ("/data/my photos", ("folder", "/data/my photos")),
        ("~/photos", ("folder", "~/photos")),
        ("../up/photos", ("folder", "../up/photos")),
        ("C:\\Users\\me\\photos", ("folder", "C:\\Users\\me\\photos")),
        ("d:/photos", ("folder", "d:/photos")),
        ("./a:b", ("folder", "./a:b")),
        ("/data/2024:01/x", ("folder", "/data/2024:01/x")),
        ("2024-01-01T10:00", ("folder", "2024-01-01T10:00")),
        ("cats:and:dogs", ("folder", "cats:and:dogs")),
        ("sklearn", ("folder", "sklearn")),
        ("torchvision:CIFAR10", ("torchvision", "CIFAR10")),
        ("npz:data/digits.npz", ("npz", "data/digits.npz")),
        ("npz:C:\\data\\x.npz", ("npz", "C:\\data\\x.npz")),
        ("photos.tar.xz", ("folder", "photos.tar.xz")),
        ("folder:photos.zip", ("folder", "photos.zip")),
    ],
)
def test_sources_are_split(source: str, parts: tuple[str, str]) -> None:
    assert split_source(source) == parts


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("sklearn:", "needs something behind 'sklearn:', as in 'sklearn:digits'."),
        ("folder: ", "needs something behind 'folder:', as in 'folder:photos'."),
        ("skleanr:digits", "Did you mean 'sklearn'?"),
        ("foldr:/data/x", "Did you mean 'folder'?"),
        ("torchvison:CIFAR10", "Did you mean 'torchvision'?"),
        ("torchvision:", "as in 'torchvision:CIFAR10'."),
        ("npz:", "as in 'npz:digits.npz'."),
        ("s3:", "as in 's3://bucket/photos'."),
        ("voc:cells", "'voc' before the colon, which is none of the known sources: folder, npz, s3, sklearn, torchv"),
        ("https://example.org/photos.zip", "'https' before the colon"),
    ],
)
def test_what_is_no_source_is_said(source: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split_source(source)
    assert len(caught.value.problems) == 1
    assert words in str(caught.value)
