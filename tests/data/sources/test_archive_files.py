"""An archive of an image folder gives what the folder gives."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasflow.config import DataConfig
from nasflow.data import Sample
from nasflow.data.opening import open_source
from nasflow.data.prepare import prepare
from nasflow.data.sources import archive_files
from nasflow.data.sources.archive_files import ArchiveFiles
from nasflow.data.sources.folder import FolderSource
from nasflow.errors import DataError
from nasflow.testing.sources import SourceContract

Writer = Callable[..., Path]
FORMATS = {"zip": ".zip", "tar": ".tar", "gztar": ".tar.gz", "bztar": ".tar.bz2", "xztar": ".tar.xz"}
CIFAR = Path(__file__).parents[4] / "shared" / "data" / "cifar10_jpg.tar.xz"


def source(path: Path) -> FolderSource:
    return FolderSource(str(path), FolderSource.Options(), Path("/nowhere"))


def picture(seed: int, suffix: str = "PNG", size: tuple[int, int] = (12, 10)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, suffix)
    return buffer.getvalue()


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def told(samples: list[Sample]) -> set[tuple[str, int, bytes, str | None]]:
    return {(sample.name, sample.label, sample.content, sample.split) for sample in samples}


class _Contract(SourceContract):
    suffix = ".zip"

    def make_source(self, folder: Path) -> FolderSource:
        path = folder / f"photos{self.suffix}"
        if not path.exists():
            self.pack(path, 0)
        return source(path)

    def change_data(self, folder: Path) -> bool:
        self.pack(folder / f"photos{self.suffix}", 50)
        return True

    def pack(self, path: Path, seed: int) -> None:
        names = [f"{split}/{name}/{n}.png" for split in ("train", "test") for name in ("a", "b") for n in range(5)]
        files = {name: picture(seed + place) for place, name in enumerate(names)}
        files |= {"train/a/notes.txt": b"odd", "train/b/cut.jpg": picture(1, "JPEG")[:200]}
        if self.suffix == ".zip":
            zipped(path, files)
        else:
            tarred(path, list(files.items()))


class TestContractOfZip(_Contract):
    pass


class TestContractOfTar(_Contract):
    suffix = ".tar"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("top", [False, True])
def test_an_archive_is_prepared_as_its_folder_is(tmp_path: Path, write_folder: Writer, form: str, top: bool) -> None:
    root = write_folder(count=40, size=(17, 11))
    (root / "cat" / "broken.png").write_bytes(b"\x89PNG but no more")
    (root / "cat" / "unnamed").write_bytes((root / "cat" / "0000.png").read_bytes())
    (root / "dog" / ".hidden.png").write_bytes(b"junk")
    base = {"root_dir": tmp_path, "base_dir": "photos"} if top else {"root_dir": root}
    path = Path(shutil.make_archive(str(tmp_path / "packed"), form, **base))
    assert path.name == f"packed{FORMATS[form]}"
    folder, archive = source(root), source(path)
    ours, theirs = folder.scan(), archive.scan()
    assert (ours.classes, ours.counts, ours.size, ours.channels) == (
        *(theirs.classes, theirs.counts, theirs.size, theirs.channels),
    )
    assert told(list(folder.samples())) == told(list(archive.samples()))
    first = prepare(DataConfig(source=str(root)), tmp_path, tmp_path / "one")
    second = prepare(DataConfig(source=path.name), tmp_path, tmp_path / "two")
    assert first.fingerprint == second.fingerprint
    for file in first.root.iterdir():
        assert file.read_bytes() == (second.root / file.name).read_bytes(), file.name


def test_the_middle_of_many_headers_is_that_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasflow.data.sources.headers.LOOKED_AT", 5)
    for place in range(24):
        path = tmp_path / "photos" / "ab"[place % 2] / f"{place:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(place, size=(10 + place, 50)))
    size = source(tmp_path / "photos").scan().size
    for form in ("zip", "xztar"):
        path = shutil.make_archive(str(tmp_path / "packed"), form, tmp_path, "photos")
        assert source(Path(path)).scan().size == size


class TestTree:
    def test_a_single_folder_around_all_is_passed_over(self, tmp_path: Path) -> None:
        files = {f"set/{name}/1.png": b"x" for name in ("a", "b")} | {"__MACOSX/set/a/._1.png": b"", "README": b""}
        tree = ArchiveFiles(zipped(tmp_path / "p.zip", files)).tree
        assert tree.visible("") == (["a", "b"], [])
        assert tree.where("a") == f"{tmp_path / 'p.zip'}/set/a"

    def test_several_folders_around_all(self, tmp_path: Path) -> None:
        files = [(f"home/me/set/{name}/{n}.png", picture(n)) for name in ("a", "b") for n in range(3)]
        found = source(tarred(tmp_path / "p.tar", files))
        assert (found.scan().classes, found.scan().counts) == (("a", "b"), (3, 3))
        assert [sample.name for sample in found.samples()][:2] == ["a/0.png", "a/1.png"]

    def test_a_single_split_is_no_folder_around_all(self, tmp_path: Path) -> None:
        files = {f"train/{name}/{n}.png": picture(n) for name in ("a", "b") for n in range(3)}
        assert source(zipped(tmp_path / "p.zip", files)).scan().splits == ("train",)

    def test_splits_below_a_single_folder(self, tmp_path: Path) -> None:
        names = [f"set/{split}/{name}/1.png" for split in ("train", "test") for name in ("a", "b")]
        found = source(zipped(tmp_path / "p.zip", {name: picture(n) for n, name in enumerate(names)}))
        assert found.scan().splits == ("train", "test")
        assert [sample.name for sample in found.samples()] == [name.removeprefix("set/") for name in names]

    def test_of_two_members_with_one_name_the_last_counts(self, tmp_path: Path) -> None:
        files = [("a/1.png", picture(1)), ("b/1.png", picture(2)), ("./a/1.png", picture(3))]
        found = list(source(tarred(tmp_path / "p.tar", files)).samples())
        assert [(sample.name, sample.content) for sample in found] == [("b/1.png", picture(2)), ("a/1.png", picture(3))]


def test_what_is_no_image_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_files, "_MOST_BYTES", 5000)
    files = {f"{name}/{n}.png": picture(n) for name in ("a", "b") for n in range(3)}
    files |= {"a/film.mp4": b"\0" * 9000, "b/huge.png": b"\x89" * 9000}
    for path in (zipped(tmp_path / "p.zip", files), tarred(tmp_path / "p.tar", list(files.items()))):
        lengths = {sample.name: len(sample.content) for sample in source(path).samples()}
        assert (lengths["a/film.mp4"], lengths["b/huge.png"]) == (64, 64)
        assert lengths["a/1.png"] == len(picture(1))


def test_a_tar_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[Path] = []
    real = archive_files.members
    monkeypatch.setattr(archive_files, "members", lambda path: (passes.append(path), real(path))[1])
    path = tarred(tmp_path / "p.tar", [(f"{name}/{n}.png", picture(n)) for name in ("a", "b") for n in range(3)])
    found = source(path)
    found.scan()
    assert len(passes) == 1
    assert len(list(found.samples())) == 6
    assert len(passes) == 2
    source(path).scan()
    assert len(passes) == 2, "what it holds is remembered"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "ROOT is empty; put one folder of images for each class into it."),
        ({"1.jpg": b"x"}, "ROOT holds images, '1.jpg' for one, but no class folders"),
        ({"cat/1.jpg": b"x"}, "ROOT has one class folder, 'cat'"),
        ({"../a/1.jpg": b"x", "../b/1.jpg": b"x"}, "data.source: the archive ROOT is refused, since its member"),
        ({".a/1.jpg": b"x", "b/": b""}, "data.source: the archive ROOT holds only hidden files, '.a/1.jpg' for one."),
        ({"a/1.jpg": b"x", "b/": b""}, "class folder ROOT/b is empty; add images or remove it."),
        ({"s/train/a/1.jpg": b"x", "s/train/b/1.jpg": b"x", "s/test/a/1.jpg": b"x"}, "ROOT/s/test has no class folder"),
        ({"a/1.jpg": b"x", "b/2.jpg": b"x"}, "ROOT: none of the files looked at is an image"),
    ],
)
def test_archives_laid_out_otherwise(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    path = zipped(tmp_path / "p.zip", files)
    with pytest.raises(DataError) as caught:
        source(path).scan()
    assert str(caught.value).replace(str(path), "ROOT").startswith(words)


def test_a_missing_archive_names_the_nearest(tmp_path: Path) -> None:
    zipped(tmp_path / "photos.zip", {})
    with pytest.raises(DataError, match=r"there is no archive .*fotos\.zip\. Did you mean 'photos\.zip'\?"):
        open_source(DataConfig(source="folder:fotos.zip"), tmp_path).scan()


def test_a_tar_with_names_in_latin_1_is_prepared(tmp_path: Path) -> None:
    files = [(f"{name}/{n}.png", picture(n + 99 * len(name))) for name in ("cat", "caf\udce9") for n in range(20)]
    path = tarred(tmp_path / "p.tar", files)
    bundle = prepare(DataConfig(source=str(path), min_per_class=10), tmp_path, tmp_path / "b")
    assert bundle.classes == ("caf\u00e9", "cat")
    assert {name.split("/")[0] for name in bundle.names("train")} == {"caf\u00e9", "cat"}
    assert bundle.fingerprint.encode()


@pytest.mark.slow
def test_cifar(tmp_path: Path) -> None:
    if not CIFAR.is_file():
        pytest.skip(f"{CIFAR} is not here")
    bundle = prepare(DataConfig(source=str(CIFAR)), tmp_path, tmp_path / "b")
    assert bundle.fingerprint == "99ee6f9c641f8181857376f83b2e62a1"
