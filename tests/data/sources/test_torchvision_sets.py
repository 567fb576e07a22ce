"""torchvision's own reading of small files in its own formats; no network."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import urllib.error
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray
from torchvision import datasets

from nasflow.config import DataConfig
from nasflow.data.opening import inspect_source, open_source
from nasflow.data.prepare import prepare
from nasflow.data.sources import torchvision_sets
from nasflow.data.sources.torchvision_facts import KNOWN
from nasflow.data.sources.torchvision_sets import TorchvisionSource
from nasflow.errors import ConfigError, DataError
from nasflow.testing.sources import SourceContract

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


def samples_of(name: str, split: str, per_class: int, seed: int = 0) -> Arrays:
    known = KNOWN[name]
    labels = np.repeat(np.arange(len(known.classes)), per_class)
    rng = np.random.default_rng([seed, split == "test", len(name)])
    colour = (3,) if known.channels == 3 else ()
    return rng.integers(0, 256, (len(labels), known.size, known.size, *colour), dtype=np.uint8), rng.permutation(labels)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def pickled(path: Path, content: dict[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return md5(path)


def write_cifar(root: Path, name: str, data: dict[str, Arrays]) -> dict[str, Any]:
    """Python pickles with images as rows of 3072: all red, all green, all blue; labels `labels` or `fine_labels`."""
    kind = getattr(datasets, name)
    folder = root / kind.base_folder
    key = "labels" if name == "CIFAR10" else "fine_labels"
    lists: dict[str, list[list[str]]] = {"train": [], "test": []}
    for split, files in (("train", kind.train_list), ("test", kind.test_list)):
        images, labels = data[split]
        rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        parts = [np.array_split(array, len(files)) for array in (rows, labels)]
        for (file, _), part, own in zip(files, *parts, strict=True):
            lists[split].append([file, pickled(folder / file, {"data": part, key: own.tolist()})])
    names = pickled(folder / kind.meta["filename"], {kind.meta["key"]: list(KNOWN[name].classes)})
    with tarfile.open(root / kind.filename, "w:gz") as archive:
        archive.add(folder, kind.base_folder)
    return {
        "train_list": lists["train"],
        "test_list": lists["test"],
        "meta": {**kind.meta, "md5": names},
        "tgz_md5": md5(root / kind.filename),
    }


def write_idx(root: Path, name: str, data: dict[str, Arrays]) -> dict[str, Any]:
    folder = root / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    sums = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = data[split]
        parts = {
            f"{prefix}-images-idx3-ubyte": struct.pack(">4I", 2051, *images.shape) + images.tobytes(),
            f"{prefix}-labels-idx1-ubyte": struct.pack(">2I", 2049, len(labels)) + labels.astype(np.uint8).tobytes(),
        }
        for file, content in parts.items():
            (folder / file).write_bytes(content)
            (folder / f"{file}.gz").write_bytes(gzip.compress(content))
            sums[f"{file}.gz"] = md5(folder / f"{file}.gz")
    return {"resources": [(file, sums[file]) for file, _ in getattr(datasets, name).resources]}


def write_svhn(root: Path, name: str, data: dict[str, Arrays]) -> dict[str, Any]:
    """MATLAB files, images last, the digit 0 with the label 10."""
    table = {}
    for split, (url, file, _) in datasets.SVHN.split_list.items():
        if split in data:
            images, labels = data[split]
            content = {"X": images.transpose(1, 2, 3, 0), "y": np.where(labels == 0, 10, labels)[:, None]}
            scipy.io.savemat(root / file, content)
            table[split] = [url, file, md5(root / file)]
    return {"split_list": table}


def write_stl10(root: Path, name: str, data: dict[str, Arrays]) -> dict[str, Any]:
    """Raw bytes, columns first, labels from 1."""
    folder = root / datasets.STL10.base_folder
    folder.mkdir(parents=True, exist_ok=True)
    sums: dict[str, str] = {}
    for split, (images, labels) in data.items():
        (folder / f"{split}_X.bin").write_bytes(images.transpose(0, 3, 2, 1).tobytes())
        (folder / f"{split}_y.bin").write_bytes((labels + 1).astype(np.uint8).tobytes())
    (folder / "unlabeled_X.bin").write_bytes(b"\0" * 27648)
    sums = {path.name: md5(path) for path in folder.iterdir()}
    lists = {
        part: [[file, sums[file]] for file, _ in getattr(datasets.STL10, part)] for part in ("train_list", "test_list")
    }
    with tarfile.open(root / datasets.STL10.filename, "w:gz") as archive:
        archive.add(folder, datasets.STL10.base_folder)
    return {**lists, "tgz_md5": md5(root / datasets.STL10.filename)}


WRITERS = {
    **{"CIFAR10": write_cifar, "CIFAR100": write_cifar, "MNIST": write_idx, "FashionMNIST": write_idx},
    **{"SVHN": write_svhn, "STL10": write_stl10},
}
Publish = Callable[..., dict[str, Arrays]]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Write a small data set, and make it the published one: its checksums, and what is known of it."""

    def write(name: str, root: Path, train: int = 12, test: int = 3) -> dict[str, Arrays]:
        data = {"train": samples_of(name, "train", train), "test": samples_of(name, "test", test)}
        for attribute, value in WRITERS[name](root, name, data).items():
            monkeypatch.setattr(getattr(datasets, name), attribute, value)
        count = len(KNOWN[name].classes)
        known = replace(KNOWN[name], train=(train,) * count, test=(test,) * count)
        monkeypatch.setattr(torchvision_sets, "KNOWN", {**KNOWN, name: known})
        return data

    return write


def opened(name: str, root: Path, **options: Any) -> TorchvisionSource:
    return TorchvisionSource(name, TorchvisionSource.Options(root=str(root), **options), Path("/nowhere"))


@pytest.mark.parametrize("name", WRITERS)
class TestContract(SourceContract):
    @pytest.fixture(autouse=True)
    def _publish(self, publish: Publish, name: str) -> None:
        self.publish, self.name = publish, name

    def make_source(self, folder: Path) -> TorchvisionSource:
        if not any(folder.iterdir()):
            self.publish(self.name, folder, 2, 1)
        return opened(self.name, folder)


@pytest.mark.parametrize("name", WRITERS)
def test_samples_are_what_was_written(tmp_path: Path, publish: Publish, name: str) -> None:
    data = publish(name, tmp_path, 2, 1)
    samples = list(opened(name, tmp_path, download=False).samples())
    for split in ("train", "test"):
        images, labels = data[split]
        found = [sample for sample in samples if sample.split == split]
        assert [sample.label for sample in found] == labels.tolist()
        assert np.array_equal(np.stack([np.asarray(sample.image) for sample in found]), images)
        assert [sample.content for sample in found] == [image.tobytes() for image in images]
        assert found[1].name == f"{split} 1"


@pytest.mark.parametrize("name", ["CIFAR10", "MNIST", "STL10"])
def test_what_was_downloaded_is_unpacked_and_read(tmp_path: Path, publish: Publish, name: str) -> None:
    """The published archive lies there, as it does after a download, or where somebody without a network put it."""
    data = publish(name, tmp_path, 2, 1)
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file() and path.suffix != ".gz":
            path.unlink()
    with pytest.raises(DataError, match=r"cannot be read \(Dataset not found.*set data\.options\.download to true, or"):
        next(opened(name, tmp_path, download=False).samples())
    assert len(list(opened(name, tmp_path).samples())) == sum(len(labels) for _, labels in data.values())


@pytest.mark.parametrize("name", ["CIFAR10", "MNIST", "SVHN", "STL10"])
def test_whether_a_download_is_needed(
    tmp_path: Path, publish: Publish, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("it reached for the network"))
    (tmp_path / "data").mkdir()
    publish(name, tmp_path / "data", 2, 1)
    assert not opened(name, tmp_path / "data").needs_download()
    assert opened(name, tmp_path / "none").needs_download()
    assert not opened(name, tmp_path / "none", download=False).needs_download(), "that is refused, not downloaded"
    assert not (tmp_path / "none").exists()


def test_a_file_of_another_checksum_needs_a_download(tmp_path: Path, publish: Publish) -> None:
    publish("CIFAR10", tmp_path)
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(b"cut")
    assert opened("CIFAR10", tmp_path).needs_download()


def test_the_digest_is_the_same_before_and_after_the_download(tmp_path: Path, publish: Publish) -> None:
    publish("MNIST", tmp_path)
    assert opened("MNIST", tmp_path / "nothing").scan() == opened("MNIST", tmp_path).scan()


def test_other_files_in_the_format_of_mnist_are_counted(tmp_path: Path, publish: Publish) -> None:
    publish("MNIST", tmp_path)
    published = opened("MNIST", tmp_path).scan()
    write_idx(tmp_path, "MNIST", {split: samples_of("MNIST", split, 4) for split in ("train", "test")})
    own = opened("MNIST", tmp_path).scan()
    assert (own.counts, own.splits) == ((8,) * 10, ("train", "test"))
    assert own.digest != published.digest
    os.utime(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte", ns=(1, 1))
    assert opened("MNIST", tmp_path).scan().digest != own.digest


@pytest.mark.parametrize("content", [b"", struct.pack(">2I", 2049, 3) + bytes([1, 2, 77])])
def test_labels_that_are_none(tmp_path: Path, publish: Publish, content: bytes) -> None:
    publish("MNIST", tmp_path)
    file = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    file.write_bytes(content)
    with pytest.raises(
        DataError, match=rf"{file} is no file of labels from 0 to 9; delete .*, and MNIST is downloaded"
    ):
        opened("MNIST", tmp_path).scan()


def test_what_is_known_beforehand_breaks_no_smaller_set(
    tmp_path: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts come from what is read in the end."""
    publish("CIFAR10", tmp_path, 30, 3)
    monkeypatch.setattr(torchvision_sets, "KNOWN", KNOWN)
    config = DataConfig(source="torchvision:cifar10", options={"root": str(tmp_path)})
    assert sum(inspect_source(config, tmp_path).counts) == 60_000
    bundle = prepare(config, tmp_path, tmp_path / "b")
    assert bundle.counts["test"] == 30
    assert sum(bundle.counts.values()) == 330
    assert bundle.names("test")[0].startswith("test ")


def test_a_file_with_another_checksum_is_never_unpickled(tmp_path: Path, publish: Publish) -> None:
    publish("CIFAR10", tmp_path)
    trap = tmp_path / "cifar-10-batches-py" / "test_batch"
    trap.write_bytes(b"cposix\nsystem\n(S'touch " + str(tmp_path / "trapped").encode() + b"'\ntR.")
    with pytest.raises(DataError, match=r"torchvision:CIFAR10 cannot be read \(Dataset not found or corrupted\)"):
        next(opened("CIFAR10", tmp_path, download=False).samples())
    assert len(list(opened("CIFAR10", tmp_path).samples())) == 150, "the archive beside it makes it whole again"
    assert not (tmp_path / "trapped").exists()


def test_without_a_network_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **options: object) -> None:
        raise urllib.error.URLError(OSError(101, "Network is unreachable"))

    monkeypatch.setattr("urllib.request.urlopen", away)
    for name, file in (("SVHN", "train_32x32.mat"), ("MNIST", "t10k-labels-idx1-ubyte.gz")):
        with pytest.raises(DataError) as caught:
            next(opened(name, tmp_path).samples())
        message = str(caught.value)
        assert message.startswith(f"data.source: torchvision:{name} cannot be ")
        assert "Network is unreachable" in message
        assert f"it was looked for in {tmp_path}" in message
        assert "see that the network can be reached, or put" in message
        assert file in message
        assert "\n" not in message


def test_a_damaged_file_is_one_sentence(tmp_path: Path, publish: Publish) -> None:
    publish("MNIST", tmp_path)
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"torchvision:MNIST cannot be read \(.*remove damaged files\.$"):
        next(opened("MNIST", tmp_path).samples())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"torchvision:SVHN cannot be had \((Not a directory|File exists)\)"):
        next(opened("SVHN", tmp_path / "file" / "below").samples())


class TestRoot:
    def root(self, **options: Any) -> Path:
        source = open_source(DataConfig(source="torchvision:MNIST", options=options), Path("/base"))
        assert isinstance(source, TorchvisionSource)
        return source.root

    def test_default_is_the_cache(self, cache: Path) -> None:
        assert self.root() == cache / "torchvision"

    def test_relative_starts_at_the_base(self) -> None:
        assert self.root(root="data") == Path("/base/data")

    def test_home_is_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/someone")
        assert self.root(root="~/data") == Path("/home/someone/data")

    def test_options_are_checked(self) -> None:
        with pytest.raises(ConfigError, match=r"data\.options\.rot is unknown; the options there are: root, download"):
            self.root(rot="x")


@pytest.mark.parametrize(
    ("name", "end"),
    [("CIFAR", " Did you mean 'CIFAR10'?"), ("fashion-mnist", " Did you mean 'FashionMNIST'?"), ("ImageNet", "")],
)
def test_unknown_names(name: str, end: str) -> None:
    with pytest.raises(DataError) as caught:
        opened(name, Path())
    known = "CIFAR10, CIFAR100, MNIST, FashionMNIST, SVHN, STL10"
    assert str(caught.value).startswith(f"data.source: 'torchvision:{name}' is unknown; there are {known}.")
    assert str(caught.value).endswith(end)


@pytest.mark.parametrize("name", ["cifar100", "FASHIONMNIST", " Svhn"])
def test_case_is_no_matter(name: str) -> None:
    assert opened(name, Path()).name.lower() == name.strip().lower()


def test_scanning_needs_no_torch() -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from nasflow.data.sources.torchvision_sets import TorchvisionSource as S;"
        "S('CIFAR10', S.Options(), Path()).scan();"
        "sys.exit(any(n in sys.modules for n in ('torch', 'torchvision', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
