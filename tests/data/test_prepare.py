"""Whole preparations of small folders, good and bad."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasflow.config import DataConfig
from nasflow.data import SPLITS, DataBundle
from nasflow.data.prepare import prepare
from nasflow.data.splits import content_key
from nasflow.errors import DataError, NasflowError, StorageError
from nasflow.serving.pixels import decode, fit

Writer = Callable[..., Path]


def run(root: Path, target: Path, **options: object) -> DataBundle:
    return prepare(DataConfig.model_validate({"source": str(root), **options}), root.parent, target)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_digits(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    config = DataConfig(source="sklearn:digits")
    bundle = prepare(config, tmp_path, tmp_path / "b", lambda done, total: seen.append((done, total)))
    assert bundle.counts == {"train": 1271, "val": 251, "test": 275}
    assert (bundle.size, bundle.channels, len(bundle.classes)) == (8, 1, 10)
    assert bundle.fingerprint == "4d7faeae6cd1c1f0a3ef81766bbd2387"
    assert bundle.meta["linear_accuracy"] > 0.9
    assert not bundle.skipped
    assert bundle.dropped == {"train": 0, "val": 0}
    assert seen[-1] == (1797, 1797)
    assert listing(tmp_path) == ["b", *(f"b/{path.name}" for path in sorted((tmp_path / "b").iterdir()))]


def test_every_file_is_stored_as_serving_would_see_it(tmp_path: Path, write_folder: Writer) -> None:
    root = write_folder(count=60, size=(17, 11))
    bundle = run(root, tmp_path / "b", size=9)
    for split in SPLITS:
        stored = zip(bundle.images(split), bundle.names(split), bundle.keys(split), bundle.targets(split), strict=True)
        for image, name, key, target in stored:
            content = (root / name).read_bytes()
            assert np.array_equal(image, fit(decode(content), 9, 3))
            assert key == content_key(content)
            assert bundle.classes[target] == name.split("/")[0]


def test_statistics_are_of_the_training_images(tmp_path: Path, write_folder: Writer) -> None:
    bundle = run(write_folder(), tmp_path / "b")
    images = bundle.images("train").astype(np.float64)
    assert bundle.mean == pytest.approx(images.mean(axis=(0, 1, 2)))
    assert bundle.std == pytest.approx(images.std(axis=(0, 1, 2)))


def test_preparing_again_gives_the_same_bytes(tmp_path: Path, write_folder: Writer) -> None:
    root = write_folder()
    first, second = run(root, tmp_path / "one"), run(root, tmp_path / "two")
    for path in first.root.iterdir():
        assert path.read_bytes() == (second.root / path.name).read_bytes(), path.name


def test_renaming_and_moving_files_changes_no_array(tmp_path: Path, write_folder: Writer) -> None:
    root = write_folder()
    first = run(root, tmp_path / "one")
    (root / "cat" / "0000.png").rename(root / "cat" / "zzz.png")
    second = run(root.rename(tmp_path / "pictures"), tmp_path / "two")
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(first.images("train"), second.images("train"))


def test_fingerprint_changes_with_everything_that_matters(tmp_path: Path, write_folder: Writer) -> None:
    root = write_folder()
    prints = [run(root, tmp_path / "a").fingerprint, run(root, tmp_path / "b", size=10).fingerprint]
    (root / "cat" / "0000.png").rename(root / "dog" / "moved.png")
    prints.append(run(root, tmp_path / "c").fingerprint)
    (root / "dog").rename(root / "hound")
    prints.append(run(root, tmp_path / "d").fingerprint)
    (root / "cat" / "0001.png").unlink()
    prints.append(run(root, tmp_path / "e").fingerprint)
    assert len(set(prints)) == len(prints)


def test_samples_stay_in_their_split_as_data_grow(tmp_path: Path, write_folder: Writer) -> None:
    root = write_folder()
    before = run(root, tmp_path / "one")
    write_folder(root="more", seed=50_000)
    for folder in ("cat", "dog"):
        for path in (tmp_path / "more" / folder).iterdir():
            path.rename(root / folder / f"new-{path.name}")
    after = run(root, tmp_path / "two")
    for split in SPLITS:
        assert set(before.keys(split)) < set(after.keys(split))


def test_given_splits_stand_and_copies_are_dropped(tmp_path: Path, write_folder: Writer) -> None:
    write_folder(root="photos/train", count=60)
    root = write_folder(root="photos/test", count=20, seed=9000).parent
    for number in range(5):
        shutil.copy(root / "test" / "cat" / f"{number:04d}.png", root / "train" / "cat" / f"copy{number}.png")
    bundle = run(root, tmp_path / "b")
    assert bundle.counts["test"] == 40
    assert bundle.counts["train"] + bundle.counts["val"] == 120
    assert sum(bundle.dropped.values()) == 5
    assert all(name.startswith("test/") for name in bundle.names("test"))
    assert not set(bundle.keys("test")) & {*bundle.keys("train"), *bundle.keys("val")}


def test_mixed_sizes_and_modes(tmp_path: Path, write_folder: Writer) -> None:
    root = write_folder(count=50)
    for number, mode in enumerate(("L", "1", "P", "RGBA", "LA", "CMYK")):
        image = Image.fromarray(np.random.default_rng(number).integers(0, 256, (30, 20 + number, 3), dtype=np.uint8))
        suffix = ".jpg" if mode == "CMYK" else ".png"
        image.convert(mode).save(root / "cat" / f"{mode}{suffix}")
    Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30) * 70).save(root / "cat" / "deep.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.zeros((10, 20, 3), np.uint8)).save(root / "cat" / "turned.jpg", exif=turned)
    bundle = run(root, tmp_path / "b")
    assert not bundle.skipped
    assert sum(bundle.counts.values()) == 108
    assert bundle.channels == 3


def test_grey_folders_are_stored_grey(tmp_path: Path, write_folder: Writer) -> None:
    bundle = run(write_folder(mode="L"), tmp_path / "b")
    assert bundle.images("train").shape[1:] == (12, 12, 1)
    assert len(bundle.mean) == 1


def spoil(root: Path) -> None:
    Image.effect_noise((64, 64), 50).save(root / "cat" / "cut.jpg")
    whole = (root / "cat" / "cut.jpg").read_bytes()
    (root / "cat" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "cat" / "text.jpg").write_text("this is text")
    (root / "dog" / "nothing.png").touch()
    (root / "dog" / "notes.txt").write_text("odd")


def test_broken_images_are_named_and_skipped(tmp_path: Path, write_folder: Writer) -> None:
    root = write_folder()
    spoil(root)
    bundle = run(root, tmp_path / "b")
    assert set(bundle.skipped) == {"cat/cut.jpg", "cat/text.jpg", "dog/nothing.png", "dog/notes.txt"}
    assert "truncated" in bundle.skipped["cat/cut.jpg"]
    assert "no image" in bundle.skipped["cat/text.jpg"]
    assert bundle.skipped["dog/nothing.png"] == "it holds no bytes"
    assert sum(bundle.counts.values()) == 120
    assert DataBundle.open(bundle.root).skipped == bundle.skipped


class TestRefusals:
    """Whatever is wrong, one sentence is given and nothing is left behind, also no parent folder."""

    def refused(self, root: Path, tmp_path: Path, kind: type[NasflowError] = DataError, **options: object) -> str:
        before = listing(tmp_path)
        with pytest.raises(kind) as caught:
            run(root, tmp_path / "store" / "local" / "b", **options)
        assert listing(tmp_path) == before
        return str(caught.value)

    def test_too_many_broken(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        spoil(root)
        message = self.refused(root, tmp_path, max_broken=3)
        assert "more than 3 images cannot be read, the limit that data.max_broken sets (cat/cut.jpg: " in message

    def test_class_too_small(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        write_folder(classes=("emu",), count=4)
        assert "'emu' has 4: add images" in self.refused(root, tmp_path)

    def test_class_too_small_once_broken_ones_are_out(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        write_folder(classes=("emu",), count=9)
        (root / "emu" / "broken.png").write_text("no image")
        assert "'emu' has 9: add images" in self.refused(root, tmp_path)

    def test_split_without_a_class(self, tmp_path: Path, write_folder: Writer) -> None:
        message = self.refused(write_folder(count=3), tmp_path, min_per_class=3)
        assert message.startswith("cutting the data left too few images of '")

    def test_all_of_a_class_is_in_test_too(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder(root="photos/train").parent
        shutil.copytree(root / "train", root / "test")
        message = self.refused(root, tmp_path)
        assert message.startswith("the train split has too few usable images of 'cat', 'dog'")

    def test_no_room_on_the_disk(self, tmp_path: Path, write_folder: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
        root = write_folder()
        monkeypatch.setattr("nasflow.data.prepare._BYTES_PER_SAMPLE", 10**16)
        message = self.refused(root, tmp_path)
        assert message.startswith("preparing the data takes 1200000000.0 GB on the disk of")

    def test_folder_that_cannot_be_made(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        (tmp_path / "store").touch()
        message = self.refused(root, tmp_path, StorageError)
        assert "no folder can be made there (Not a directory)" in message

    def test_a_progress_that_raises(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        before = listing(tmp_path)

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            prepare(DataConfig(source=str(root)), tmp_path, tmp_path / "store" / "b", stop)
        assert listing(tmp_path) == before


class TestTarget:
    def test_an_empty_folder_is_filled(self, tmp_path: Path, write_folder: Writer) -> None:
        (tmp_path / "b").mkdir()
        DataBundle.open(run(write_folder(), tmp_path / "b").root)

    def test_other_data_are_replaced(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        run(root, tmp_path / "b", size=10)
        bundle = run(root, tmp_path / "b")
        assert DataBundle.open(tmp_path / "b").size == bundle.size == 12
        assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "photos"]

    def test_damaged_data_are_replaced(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        run(root, tmp_path / "b")
        (tmp_path / "b" / "val_images.npy").unlink()
        run(root, tmp_path / "b")
        DataBundle.open(tmp_path / "b")

    def test_the_same_data_prepared_meanwhile_stay(self, tmp_path: Path, write_folder: Writer) -> None:
        root = write_folder()
        run(root, tmp_path / "b")
        inode = (tmp_path / "b").stat().st_ino
        run(root, tmp_path / "b")
        assert (tmp_path / "b").stat().st_ino == inode
        assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "photos"]
