"""Images in a bucket of a real MinIO server."""

from __future__ import annotations

import io
import itertools
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasflow.config import DataConfig
from nasflow.data.opening import open_source
from nasflow.data.prepare import prepare
from nasflow.data.protocol import needs_download
from nasflow.data.sources.folder import FolderSource
from nasflow.data.sources.npz import NpzSource
from nasflow.data.sources.s3 import S3Source
from nasflow.errors import DataError
from nasflow.storage.s3.address import parse
from nasflow.storage.s3.bucket import Bucket
from nasflow.testing.servers import MinioServer
from nasflow.testing.sources import SourceContract

_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def credentials(minio_client: Path) -> Path:
    """The cache of whoever has the credentials."""
    return minio_client


def picture(seed: int, kind: str = "PNG", side: int = 12) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def images(classes: tuple[str, ...] = ("cat", "dog"), count: int = 4) -> dict[str, bytes]:
    return {
        f"{name}/{number}.png": picture(100 * place + number)
        for place, name in enumerate(classes)
        for number in range(count)
    }


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def upload(url: str, files: dict[str, bytes]) -> str:
    address = parse(url)
    bucket = Bucket(address)
    for name, content in files.items():
        bucket.put(address.named(name), content)
    return url


@pytest.fixture
def url(minio: MinioServer) -> str:
    return minio.url(f"data-{next(_NUMBERS)}", "some/photos")


def told(source: S3Source | FolderSource | NpzSource) -> list[tuple[str, int, bytes, str | None]]:
    return [(each.name, each.label, each.content, each.split) for each in source.samples()]


def source(url: str) -> S3Source:
    found = open_source(DataConfig(source=url), Path("/nowhere"))
    assert isinstance(found, S3Source)
    return found


class TestContract(SourceContract):
    @pytest.fixture(autouse=True)
    def place(self, url: str) -> None:
        self.url = url

    def make_source(self, folder: Path) -> S3Source:
        if not (folder / "uploaded").exists():
            (folder / "uploaded").touch()
            upload(self.url, images())
        return source(self.url)

    def change_data(self, folder: Path) -> bool:
        upload(self.url, {"cat/0.png": picture(7)})
        return True


def test_it_gives_what_the_same_folder_gives(url: str, tmp_path: Path) -> None:
    files = images() | {"cat/readme.txt": b"x" * 100_000, ".hidden/x.png": b"", "dog/deep/9.png": picture(9)}
    folder = FolderSource(str(write(tmp_path / "photos", files)), FolderSource.Options(), Path())
    remote = source(upload(url, files))
    assert replace(folder.scan(), digest="") == replace(remote.scan(), digest="")
    assert told(remote) == told(folder)


def test_splits_above_the_classes(url: str) -> None:
    files = {f"{split}/{name}": content for split in ("train", "test") for name, content in images().items()}
    summary = source(upload(url, files)).scan()
    assert summary.splits == ("train", "test")
    assert summary.counts == (8, 8)


def test_a_header_that_stands_at_the_end(url: str) -> None:
    tiff = {f"{name}/{n}.tif": picture(n, "TIFF", side=200) for name in ("a", "b") for n in range(3)}
    assert min(map(len, tiff.values())) > 1 << 16
    assert source(upload(url, tiff)).scan().size == 200


@pytest.mark.parametrize("kind", ["npz", "tar.gz"])
def test_a_single_file(url: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"data.{kind}"
    if kind == "npz":
        pixels = np.random.default_rng(0).integers(0, 256, (20, 9, 9), dtype=np.uint8)
        np.savez(path, images=pixels, labels=np.arange(20) % 2)
        local: NpzSource | FolderSource = NpzSource(str(path), NpzSource.Options(), Path())
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(write(tmp_path / "photos", images()), "photos")
        local = FolderSource(str(path), FolderSource.Options(), Path())
    upload(url, {path.name: path.read_bytes()})
    remote = source(url.replace("/some/photos", f"/some/photos/{path.name}"))
    assert needs_download(remote)
    assert told(remote) == told(local)
    assert not needs_download(remote)
    assert remote.scan().counts == local.scan().counts
    assert source(remote._url).scan().digest == remote.scan().digest


class TestCache:
    def test_what_is_kept_is_not_fetched_again(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        upload(url, images())
        assert needs_download(source(url))
        first = list(source(url).samples())
        assert not needs_download(source(url))
        monkeypatch.setattr(Bucket, "read", None)
        assert list(source(url).samples()) == first

    def test_only_what_changed_is_fetched(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        upload(url, images())
        list(source(url).samples())
        upload(url, {"dog/2.png": picture(77)})
        fetched = self.watched(monkeypatch)
        found = {sample.name: sample.content for sample in source(url).samples()}
        assert found["dog/2.png"] == picture(77)
        assert fetched == ["some/photos/dog/2.png"]

    def test_data_that_change_while_they_are_read(self, url: str) -> None:
        upload(url, images(count=100))
        reading = source(url).samples()
        next(reading)
        upload(url, {"dog/99.png": picture(1)})
        with pytest.raises(DataError, match=r"'some/photos/dog/99\.png' in bucket '.*' has changed while the data"):
            list(reading)

    def test_a_cache_that_cannot_be_written_is_none(self, url: str, credentials: Path) -> None:
        upload(url, images())
        (credentials / "objects").write_text("in the way")
        assert len(list(source(url).samples())) == 8
        upload(url, {"d.zip": b"x"})
        with pytest.raises(DataError, match=r"the data cannot be kept in '.*' \(.*\); free some space there, or name"):
            source(url.replace("/some/photos", "/some/photos/d.zip")).scan()

    def watched(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        fetched: list[str] = []
        real = Bucket.read

        def read(self: Bucket, name: str, etag: str, start: int, count: int) -> bytes | None:
            fetched.append(name)
            return real(self, name, etag, start, count)

        monkeypatch.setattr(Bucket, "read", read)
        return fetched


def test_odd_names_are_no_paths_here(url: str, credentials: Path) -> None:
    """A bucket may hold any name; what is written here is below the cache."""
    upload(url, images() | {"cat/a b:c?d=%2F+ä.png": picture(3)})
    found = {sample.name: sample.content for sample in source(url).samples()}
    assert found["cat/a b:c?d=%2F+ä.png"] == picture(3)
    assert all(path.is_relative_to(credentials / "objects") for path in credentials.rglob("*.png"))


def test_preparing_from_a_bucket_is_preparing_from_a_folder(url: str, tmp_path: Path) -> None:
    files = images(count=40)
    one = prepare(DataConfig(source=upload(url, files)), tmp_path, tmp_path / "one")
    other = prepare(DataConfig(source=str(write(tmp_path / "photos", files))), tmp_path, tmp_path / "other")
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("some/photos", "other"), "data.source: there is nothing at s3://data-.*/other; correct the URL"),
        (("some/photos", "o.npz"), "data.source: there is no file s3://data-.*/o.npz; correct the URL"),
        (("endpoint", "endpont"), "data.source: 'endpont' is no option of an s3:// URL"),
    ],
)
def test_what_is_not_there_is_one_sentence(url: str, change: tuple[str, str], sentence: str) -> None:
    upload(url, images())
    with pytest.raises(DataError, match=sentence):
        source(url.replace(*change)).scan()


def test_options_of_an_npz_are_for_one(url: str) -> None:
    upload(url, images())
    found = open_source(DataConfig(source=url, options={"images": "x"}), Path())
    with pytest.raises(DataError, match=r"data\.options\.images is for an \.npz file, which s3://data-.* is not"):
        found.scan()
