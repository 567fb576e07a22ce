"""How an image folder is laid out: class folders, perhaps below train, val and test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nasflow.data.protocol import SPLITS, Split
from nasflow.errors import DataError
from nasflow.plugins import nearest

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""How the names of image files end, in small letters."""

_SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that stands where an image should.

    Attributes:
        name: Path below the folder, with `/`.
        split: The split that the folder puts it in, or None.
        class_name: Name of its class.
        bytes: Its size.
        changed: Time of its last change in nanoseconds.
    """

    name: str
    split: Split | None
    class_name: str
    bytes: int
    changed: int

    @property
    def is_image_by_name(self) -> bool:
        """Whether the name ends as those of images do."""
        return is_image_name(self.name)


@dataclass(frozen=True)
class Layout:
    """An image folder.

    Attributes:
        classes: Names of the class folders, sorted.
        splits: The splits that stand above them; empty where there are none.
        entries: Every file in a class folder, sorted by split, class and name.
    """

    classes: tuple[str, ...]
    splits: tuple[Split, ...]
    entries: tuple[Entry, ...]


def is_image_name(name: str) -> bool:
    """Whether a file's name ends as those of images do."""
    return name.lower().endswith(SUFFIXES)


def read_layout(root: Path) -> Layout:
    """Find the classes and files of an image folder; no file is opened.

    Hidden files and folders are ignored. Folders below a class folder belong to it.

    Raises:
        DataError: The folder is not laid out as image folders are; the text says how to mend it.
    """
    folders = _class_level(root)
    splits = _split_folders(root, folders)
    if splits:
        classes = _common_classes(root, splits)
        entries = [
            entry
            for split in SPLITS
            if split in splits
            for entry in _entries(root, {name: f"{splits[split]}/{name}" for name in classes}, split)
        ]
        return Layout(classes, tuple(split for split in SPLITS if split in splits), tuple(entries))
    if len(folders) == 1:
        _refuse_one_class(root, folders[0])
    entries = _entries(root, {name: name for name in folders}, None)
    return Layout(tuple(folders), (), tuple(entries))


def _class_level(root: Path) -> list[str]:
    folders, files = _visible(root)
    if folders:
        return folders
    if not files:
        raise DataError(f"{root} is empty; put one folder of images for each class into it.")
    if any(is_image_name(name) for name in files):
        raise DataError(
            f"{root} holds images, '{files[0]}' for one, but no class folders: "
            "move the images of each class into a folder named after it."
        )
    raise DataError(f"{root} holds no class folders, only files such as '{files[0]}': one folder a class is needed.")


def _visible(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of folders and of files, sorted, without hidden ones."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not _hidden(entry.name):
                    (folders if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        raise unreadable(folder, error) from error
    return sorted(folders), sorted(files)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the error for a file or folder that the system does not let us read."""
    hint = f": allow it with `chmod -R u+rX {path}`" if isinstance(error, PermissionError) else "; run again"
    return DataError(f"{path} cannot be read ({error.strerror or error}){hint}.")


def _split_folders(root: Path, folders: list[str]) -> dict[Split, str]:
    """Return the folder of each split, or nothing where the folders are classes."""
    known = [name for name in folders if name.lower() in _SPLIT_NAMES]
    if not known:
        return {}
    others = [name for name in folders if name not in known]
    nested = [name for name in known if _holds_only_folders(root / name)]
    if others and nested:
        raise DataError(
            f"{root} has '{others[0]}' beside '{nested[0]}': above class folders only train, val and test may stand; "
            f"move '{others[0]}' out of {root}."
        )
    if others:
        return {}  # classes that happen to have such a name
    if not nested and any(is_image_name(name) for name in _visible(root / known[0])[1]):
        raise DataError(f"{root / known[0]} holds images but no class folders: each split needs a folder a class.")
    return _named(root, known)


def _holds_only_folders(folder: Path) -> bool:
    folders, files = _visible(folder)
    return bool(folders) and not any(is_image_name(name) for name in files)


def _named(root: Path, folders: list[str]) -> dict[Split, str]:
    found: dict[Split, str] = {}
    for name in folders:
        split = _SPLIT_NAMES[name.lower()]
        if split in found:
            raise DataError(f"{root} has both '{found[split]}' and '{name}' for the {split} split; keep one of them.")
        found[split] = name
    if "train" not in found:
        given = " and ".join(found[split] for split in SPLITS if split in found)
        raise DataError(f"{root} has {given} but no train folder; name the training images' so.")
    return {split: found[split] for split in SPLITS if split in found}


def _common_classes(root: Path, splits: Mapping[Split, str]) -> tuple[str, ...]:
    by_split = {name: _class_level(root / name) for name in splits.values()}
    first = splits["train"]
    for name, classes in by_split.items():
        for one, other in ((first, name), (name, first)):
            missing = [c for c in by_split[one] if c not in by_split[other]]
            if missing:
                raise DataError(
                    f"{root / other} has no class folder '{missing[0]}', which {one} has; every split needs the same "
                    f"class folders.{nearest(missing[0], [c for c in by_split[other] if c not in by_split[one]])}"
                )
        if len(classes) == 1:
            raise DataError(
                f"{root / name} has one class folder, '{classes[0]}'; at least two are needed to tell apart."
            )
    return tuple(by_split[first])


def _refuse_one_class(root: Path, only: str) -> None:
    inner, _ = _visible(root / only)
    if len(inner) > 1:
        raise DataError(f"{root} holds one folder, '{only}', with folders in it; did you mean {root / only}?")
    raise DataError(f"{root} has one class folder, '{only}'; at least two are needed to tell apart.")


def _entries(root: Path, folders: Mapping[str, str], split: Split | None) -> list[Entry]:
    """Return the files below class folders, sorted by class and name.

    Args:
        root: The image folder.
        folders: Each class's folder below it.
        split: The split that they are in, or None.

    Raises:
        DataError: Most hold no images, so that this is no image folder; or else one of them is empty.
    """
    try:
        found = {
            name: sorted(_walk(root, folder, name, split, frozenset()), key=lambda entry: entry.name)
            for name, folder in folders.items()
        }
    except DataError:  # a file that cannot be read; which one is no matter where nobody looks for images
        _refuse_no_images([root / folder for folder in folders.values()])
        raise
    empty = next((name for name, entries in found.items() if not entries), None)
    if empty is not None:
        _refuse_no_images([root / folder for folder in folders.values()])
        raise DataError(f"class folder {root / folders[empty]} is empty; add images or remove it.")
    return [entry for entries in found.values() for entry in entries]


def _refuse_no_images(folders: Sequence[Path]) -> None:
    refuse_no_image_folder(folders[0].parent, sum(map(_may_hold_images, folders)), len(folders))


def refuse_no_image_folder(root: Path, filled: int, count: int) -> None:
    """Refuse a folder of which most folders hold no images: it is the folder that is wrong, not one class of it.

    Args:
        root: The folder.
        filled: How many of the folders in it hold images.
        count: How many folders are in it.

    Raises:
        DataError: Fewer than half hold images.
    """
    if filled * 2 < count:
        holding = f"{filled or 'none'} of its {count} folders {'hold' if filled > 1 else 'holds'} images"
        raise DataError(
            f"data.source: {root} is no image folder: {holding}. Name a folder with one folder of images for each "
            f"class."
        )


def _may_hold_images(folder: Path) -> bool:
    """Whether a file below the folder is named as images are, or something there cannot be read."""
    failures: list[OSError] = []
    named = (is_image_name(name) for _, _, names in os.walk(folder, onerror=failures.append) for name in names)
    return any(named) or bool(failures)


def _walk(root: Path, folder: str, class_name: str, split: Split | None, above: frozenset[str]) -> Iterator[Entry]:
    path = root / folder
    real = os.path.realpath(path)
    if real in above:  # a link to a folder that it is in
        return
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if _hidden(entry.name):
                    continue
                name = f"{folder}/{entry.name}"
                if entry.is_dir():
                    yield from _walk(root, name, class_name, split, above | {real})
                    continue
                stat = entry.stat()
                yield Entry(name, split, class_name, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise unreadable(Path(error.filename or path), error) from error
