"""Image folders: what they may look like, and one sentence for each way in which they are broken."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasflow.config import DataConfig
from nasflow.data import Summary
from nasflow.data.prepare import prepare
from nasflow.data.sources.folder import FolderSource
from nasflow.errors import DataError
from nasflow.testing.sources import SourceContract


def save(path: Path, size: tuple[int, int] = (12, 12), mode: str = "RGB", seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


def fill(root: Path, *folders: str, count: int = 3, suffix: str = ".png", **form: object) -> Path:
    for place, folder in enumerate(folders):
        for number in range(count):
            save(root / folder / f"{number}{suffix}", seed=100 * place + number, **form)
    return root


def source(root: Path) -> FolderSource:
    return FolderSource(str(root), FolderSource.Options(), Path("/nowhere"))


def scan(root: Path) -> Summary:
    return source(root).scan()


def names(root: Path) -> list[str]:
    return [sample.name for sample in source(root).samples()]


def error_of(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        scan(root)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(root), "ROOT")


class TestContractOfClassFolders(SourceContract):
    def make_source(self, folder: Path) -> FolderSource:
        if not any(folder.iterdir()):
            fill(folder, "cat", "dog", count=4)
            fill(folder, "cow", mode="L")
            save(folder / "dog" / "old" / "1.jpg")
            (folder / "dog" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
            (folder / "dog" / "notes.txt").write_text("odd")
        return source(folder)

    def change_data(self, folder: Path) -> bool:
        save(folder / "cat" / "0.png", seed=77, size=(13, 12))
        return True


class TestContractOfSplitFolders(SourceContract):
    def make_source(self, folder: Path) -> FolderSource:
        if not any(folder.iterdir()):
            fill(folder, "train/a", "train/b", "Validation/a", "Validation/b", "test/a", "test/b", suffix=".jpg")
        return source(folder)

    def change_data(self, folder: Path) -> bool:
        (folder / "test" / "a" / "0.jpg").rename(folder / "test" / "a" / "9.jpg")
        return True


class TestLayouts:
    def test_class_folders(self, tmp_path: Path) -> None:
        found = scan(fill(tmp_path, "dog", "cat", "Emu"))
        assert found.classes == ("Emu", "cat", "dog")
        assert found.counts == (3, 3, 3)
        assert found.splits == ()

    @pytest.mark.parametrize(
        ("folders", "splits"),
        [
            (("train",), ("train",)),
            (("train", "test"), ("train", "test")),
            (("Training", "valid"), ("train", "val")),
            (("train", "validation", "testing"), ("train", "val", "test")),
        ],
    )
    def test_split_folders(self, tmp_path: Path, folders: tuple[str, ...], splits: tuple[str, ...]) -> None:
        root = fill(tmp_path, *(f"{folder}/{name}" for folder in folders for name in ("a", "b")))
        assert scan(root).splits == splits
        assert {sample.split for sample in source(root).samples()} == set(splits)

    def test_a_class_may_be_called_train(self, tmp_path: Path) -> None:
        found = scan(fill(tmp_path, "train", "bus", "plane"))
        assert found.classes == ("bus", "plane", "train")
        assert found.splits == ()

    def test_files_beside_class_folders_do_no_harm(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b")
        (tmp_path / "README.md").write_text("about")
        save(tmp_path / "preview.png")
        assert sum(scan(tmp_path).counts) == 6

    def test_hidden_things_are_ignored(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b", ".cache", "__MACOSX")
        for junk in (".DS_Store", "._0.png", "Thumbs.db", "desktop.ini"):
            (tmp_path / "a" / junk).write_bytes(b"junk")
        assert len(names(tmp_path)) == 6
        assert scan(tmp_path).classes == ("a", "b")

    def test_folders_below_a_class_belong_to_it(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/2023/may", "a", "b")
        assert scan(tmp_path).counts == (6, 3)
        assert "a/2023/may/0.png" in names(tmp_path)

    def test_links_are_followed_but_not_in_circles(self, tmp_path: Path) -> None:
        fill(tmp_path / "elsewhere", "x")
        root = fill(tmp_path / "photos", "a")
        (root / "b").symlink_to(tmp_path / "elsewhere" / "x")
        (root / "a" / "loop").symlink_to(root / "a")
        assert names(root) == ["a/0.png", "a/1.png", "a/2.png", "b/0.png", "b/1.png", "b/2.png"]

    def test_relative_paths_start_at_the_base(self, tmp_path: Path) -> None:
        fill(tmp_path / "photos", "a", "b")
        found = FolderSource("photos", FolderSource.Options(), tmp_path).scan()
        assert found.classes == ("a", "b")

    def test_home_is_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        fill(tmp_path / "photos", "a", "b")
        assert FolderSource("~/photos", FolderSource.Options(), Path("/nowhere")).scan().classes == ("a", "b")


class TestSizeAndChannels:
    def test_common_size(self, tmp_path: Path) -> None:
        assert scan(fill(tmp_path, "a", "b", size=(31, 31))).size == 31

    def test_median_of_the_short_sides(self, tmp_path: Path) -> None:
        for number, size in enumerate([(10, 90), (20, 30), (90, 40), (50, 50), (60, 99)]):
            save(tmp_path / "a" / f"{number}.png", size)
            save(tmp_path / "b" / f"{number}.png", size)
        assert scan(tmp_path).size == 40

    @pytest.mark.parametrize(("size", "clipped"), [((3, 5), 8), ((400, 300), 224)])
    def test_limits(self, tmp_path: Path, size: tuple[int, int], clipped: int) -> None:
        assert scan(fill(tmp_path, "a", "b", size=size)).size == clipped

    @pytest.mark.parametrize("mode", ["1", "L", "LA"])
    def test_grey(self, tmp_path: Path, mode: str) -> None:
        assert scan(fill(tmp_path, "a", "b", mode=mode)).channels == 1

    def test_grey_of_16_bits_and_grey_palettes(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b", mode="L")
        Image.fromarray(np.zeros((12, 12), np.uint16)).save(tmp_path / "a" / "deep.png")
        palette = Image.fromarray(np.zeros((12, 12), np.uint8)).convert("P")
        palette.putpalette([level for grey in range(256) for level in (grey, grey, grey)])
        palette.save(tmp_path / "a" / "palette.png")
        assert scan(tmp_path).channels == 1

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
    def test_one_coloured_image_is_enough(self, tmp_path: Path, mode: str) -> None:
        fill(tmp_path, "a", "b", mode="L")
        save(tmp_path / "b" / "colour.png", mode=mode)
        assert scan(tmp_path).channels == 3

    def test_at_most_2000_headers_are_read(self, tmp_path: Path) -> None:
        """Of 2,500 files the fifth that is passed over is spread evenly; a broken file is no hindrance."""
        fill(tmp_path, "a", "b", count=1)
        one = (tmp_path / "a" / "0.png").read_bytes()
        for number in range(2498):
            (tmp_path / "a" / f"x{number:04d}.png").write_bytes(one if number % 2 else b"")
        assert scan(tmp_path).size == 12


class TestSamples:
    def test_content_is_the_file(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b")
        for sample in source(tmp_path).samples():
            assert sample.content == sample.image == (tmp_path / sample.name).read_bytes()

    def test_odd_files_are_yielded_to_be_named_but_not_read_whole(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b")
        (tmp_path / "a" / "film.mp4").write_bytes(b"\0" * 100_000)
        odd = next(sample for sample in source(tmp_path).samples() if sample.name == "a/film.mp4")
        assert len(odd.content) < 100

    def test_an_image_under_another_name_is_an_image(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b")
        shutil.copy(tmp_path / "a" / "0.png", tmp_path / "a" / "IMG_0001")
        found = next(sample for sample in source(tmp_path).samples() if sample.name == "a/IMG_0001")
        assert found.content == (tmp_path / "a" / "0.png").read_bytes()

    def test_a_file_that_goes_away_is_named(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b")
        reader = source(tmp_path)
        reader.scan()
        (tmp_path / "b" / "1.png").unlink()
        with pytest.raises(DataError, match=r"b/1\.png cannot be read \(No such file or directory\); run again"):
            list(reader.samples())


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while, since root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody can look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def images_without_class_folders(root: Path) -> None:
    for number in range(3):
        save(root / f"{number}.jpg")


BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    ("empty", lambda root: None, "ROOT is empty; put one folder of images for each class into it."),
    (
        "images without class folders",
        images_without_class_folders,
        "ROOT holds images, '0.jpg' for one, but no class folders: move the images of each class into a folder named "
        "after it.",
    ),
    (
        "only other files",
        lambda root: (root / "labels.csv").write_text("a,b"),
        "ROOT holds no class folders, only files such as 'labels.csv': one folder a class is needed.",
    ),
    (
        "one class",
        lambda root: fill(root, "cat"),
        "ROOT has one class folder, 'cat'; at least two are needed to tell apart.",
    ),
    (
        "one level too high",
        lambda root: fill(root, "animals/cat", "animals/dog"),
        "ROOT holds one folder, 'animals', with folders in it; did you mean ROOT/animals?",
    ),
    (
        "an empty class folder",
        lambda root: (fill(root, "cat", "dog"), (root / "emu").mkdir()),
        "class folder ROOT/emu is empty; add images or remove it.",
    ),
    (
        "a class folder without images",
        lambda root: (fill(root, "cat", "dog"), (root / "csv").mkdir(), (root / "csv" / "x.csv").write_text("1")),
        "class folder ROOT/csv holds no images, only files such as 'x.csv'; "
        "add images (JPEG, PNG, BMP, GIF, WEBP, TIFF, PPM) or remove it.",
    ),
    (
        "other classes in test",
        lambda root: fill(root, "train/cat", "train/dog", "test/cat", "test/dogs"),
        "ROOT/test has no class folder 'dog', which train has; every split needs the same class folders."
        " Did you mean 'dogs'?",
    ),
    (
        "more classes in test",
        lambda root: fill(root, "train/cat", "train/dog", "test/cat", "test/dog", "test/zebra"),
        "ROOT/train has no class folder 'zebra', which test has; every split needs the same class folders.",
    ),
    (
        "no train",
        lambda root: fill(root, "val/cat", "val/dog", "test/cat", "test/dog"),
        "ROOT has val and test but no train folder; name the training images' so.",
    ),
    (
        "two folders for one split",
        lambda root: fill(root, *(f"{s}/{c}" for s in ("train", "val", "validation") for c in ("cat", "dog"))),
        "ROOT has both 'val' and 'validation' for the val split; keep one of them.",
    ),
    (
        "something beside train",
        lambda root: fill(root, "train/cat", "train/dog", "extra"),
        "ROOT has 'extra' beside 'train': above class folders only train, val and test may stand; move 'extra' out of "
        "ROOT.",
    ),
    (
        "splits without class folders",
        lambda root: fill(root, "train", "test"),
        "ROOT/test holds images but no class folders: each split needs a folder a class.",
    ),
    (
        "one class below train",
        lambda root: fill(root, "train/cat", "test/cat"),
        "ROOT/train has one class folder, 'cat'; at least two are needed to tell apart.",
    ),
    (
        "an empty split",
        lambda root: (fill(root, "train/cat", "train/dog"), (root / "test").mkdir()),
        "ROOT/test is empty; put one folder of images for each class into it.",
    ),
    (
        "nothing readable",
        lambda root: [
            ((root / name).mkdir(), (root / name / "x.jpg").write_text("no image")) for name in ("cat", "dog")
        ],
        "ROOT: none of the files looked at is an image (JPEG, PNG, BMP, GIF, WEBP, TIFF, PPM).",
    ),
]


@pytest.mark.parametrize(("make", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_broken_folder(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    make(root)
    assert error_of(root) == message


def test_missing_folder_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    message = error_of(tmp_path / "fotos")
    assert message == "data.source: there is no folder ROOT. Did you mean 'photos'?"


def test_missing_folder_above(tmp_path: Path) -> None:
    (tmp_path / "animals").mkdir()
    assert error_of(tmp_path / "animal" / "photos").endswith(" Did you mean 'animals'?")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("photos.7z", "unpack it and name the folder, or pack it as one of .zip, .tar, .tar.gz, .tgz, "),
        ("cat.jpg", "name the folder that holds the class folders."),
    ],
)
def test_file_in_place_of_a_folder(tmp_path: Path, name: str, advice: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    assert error_of(tmp_path / name).startswith(f"data.source: ROOT is a file, not a folder: {advice}")


@pytest.mark.parametrize("locked", [".", "cat"])
def test_folder_that_may_not_be_read(public_folder: Path, locked: str) -> None:
    fill(public_folder / "photos", "cat", "dog")
    (public_folder / "photos" / locked).chmod(0)
    try:
        with unprivileged():
            message = error_of(public_folder / "photos")
    finally:
        (public_folder / "photos" / locked).chmod(0o755)
    place = "ROOT" if locked == "." else "ROOT/cat"
    assert message == f"{place} cannot be read (Permission denied): allow it with `chmod -R u+rX {place}`."


def test_file_that_may_not_be_read(public_folder: Path) -> None:
    fill(public_folder / "photos", "cat", "dog")
    (public_folder / "photos" / "cat" / "1.png").chmod(0)
    with unprivileged():
        message = error_of(public_folder / "photos")
    assert message.startswith("ROOT/cat/1.png cannot be read (Permission denied)")


def test_class_folders_named_in_latin_1_are_prepared(write_folder: Callable[..., Path], tmp_path: Path) -> None:
    root = write_folder(classes=("caf", "cat"), count=20)
    (root / "caf").rename(os.fsdecode(os.fsencode(root) + b"/caf\xe9"))
    bundle = prepare(DataConfig(source=str(root), min_per_class=10), tmp_path, tmp_path / "b")
    assert bundle.classes == ("caf\u00e9", "cat")
    assert sum(bundle.counts.values()) == 40
