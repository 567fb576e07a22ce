"""How an image folder is laid out: class folders, perhaps below train, val and test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nasflow.data.protocol import SPLITS, Split
from nasflow.data.sources.names import is_image_name
from nasflow.data.sources.trees import Tree
from nasflow.errors import DataError
from nasflow.plugins import nearest

_SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that stands where an image should.

    Attributes:
        name: Path below the image folder, with `/`.
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


def split_named(name: str) -> Split | None:
    """Return the split that a name stands for, as `train` and `Validation` do, or None."""
    return _SPLIT_NAMES.get(name.lower())


def read_layout(tree: Tree) -> Layout:
    """Find the classes and files of an image folder; no file is opened.

    Hidden files and folders are ignored. Folders below a class folder belong to it.

    Raises:
        DataError: The folder is not laid out as image folders are; the text says how to mend it.
    """
    folders = _class_level(tree, "")
    splits = _split_folders(tree, folders)
    if splits:
        classes = _common_classes(tree, splits)
        entries = [
            entry
            for split in SPLITS
            if split in splits
            for entry in _entries(tree, {name: f"{splits[split]}/{name}" for name in classes}, split)
        ]
        return Layout(classes, tuple(split for split in SPLITS if split in splits), tuple(entries))
    if len(folders) == 1:
        _refuse_one_class(tree, folders[0])
    entries = _entries(tree, {name: name for name in folders}, None)
    return Layout(tuple(folders), (), tuple(entries))


def _class_level(tree: Tree, folder: str) -> list[str]:
    folders, files = tree.visible(folder)
    root = tree.where(folder)
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


def _split_folders(tree: Tree, folders: list[str]) -> dict[Split, str]:
    """Return the folder of each split, or nothing where the folders are classes."""
    known = [name for name in folders if split_named(name)]
    if not known:
        return {}
    others = [name for name in folders if name not in known]
    nested = [name for name in known if _holds_only_folders(tree, name)]
    if others and nested:
        raise DataError(
            f"{tree.where()} has '{others[0]}' beside '{nested[0]}': above class folders only train, val and test may "
            f"stand; move '{others[0]}' out of {tree.where()}."
        )
    if others:
        return {}  # classes that happen to have such a name
    if not nested and any(is_image_name(name) for name in tree.visible(known[0])[1]):
        raise DataError(f"{tree.where(known[0])} holds images but no class folders: each split needs a folder a class.")
    return _named(tree, known)


def _holds_only_folders(tree: Tree, folder: str) -> bool:
    folders, files = tree.visible(folder)
    return bool(folders) and not any(is_image_name(name) for name in files)


def _named(tree: Tree, folders: list[str]) -> dict[Split, str]:
    found: dict[Split, str] = {}
    for name in folders:
        split = _SPLIT_NAMES[name.lower()]
        if split in found:
            raise DataError(
                f"{tree.where()} has both '{found[split]}' and '{name}' for the {split} split; keep one of them."
            )
        found[split] = name
    if "train" not in found:
        given = " and ".join(found[split] for split in SPLITS if split in found)
        raise DataError(f"{tree.where()} has {given} but no train folder; name the training images' so.")
    return {split: found[split] for split in SPLITS if split in found}


def _common_classes(tree: Tree, splits: Mapping[Split, str]) -> tuple[str, ...]:
    by_split = {name: _class_level(tree, name) for name in splits.values()}
    first = splits["train"]
    for name, classes in by_split.items():
        for one, other in ((first, name), (name, first)):
            missing = [c for c in by_split[one] if c not in by_split[other]]
            if missing:
                raise DataError(
                    f"{tree.where(other)} has no class folder '{missing[0]}', which {one} has; every split needs the "
                    f"same class folders.{nearest(missing[0], [c for c in by_split[other] if c not in by_split[one]])}"
                )
        if len(classes) == 1:
            raise DataError(
                f"{tree.where(name)} has one class folder, '{classes[0]}'; at least two are needed to tell apart."
            )
    return tuple(by_split[first])


def _refuse_one_class(tree: Tree, only: str) -> None:
    inner, _ = tree.visible(only)
    if len(inner) > 1:
        raise DataError(
            f"{tree.where()} holds one folder, '{only}', with folders in it; did you mean {tree.where(only)}?"
        )
    raise DataError(f"{tree.where()} has one class folder, '{only}'; at least two are needed to tell apart.")


def _entries(tree: Tree, folders: Mapping[str, str], split: Split | None) -> list[Entry]:
    """Return the files below class folders, sorted by class and name.

    Args:
        tree: The image folder.
        folders: Each class's folder below it.
        split: The split that they are in, or None.

    Raises:
        DataError: Most hold no images, so that this is no image folder; or else one of them is empty.
    """
    try:
        found = {
            name: sorted(
                (Entry(file.name, split, name, file.bytes, file.changed) for file in tree.below(folder)),
                key=lambda entry: entry.name,
            )
            for name, folder in folders.items()
        }
    except DataError:  # a file that cannot be read; which one is no matter where nobody looks for images
        _refuse_no_images(tree, folders.values())
        raise
    empty = next((name for name, entries in found.items() if not entries), None)
    if empty is not None:
        _refuse_no_images(tree, folders.values())
        raise DataError(f"class folder {tree.where(folders[empty])} is empty; add images or remove it.")
    return [entry for entries in found.values() for entry in entries]


def _refuse_no_images(tree: Tree, folders: Collection[str]) -> None:
    above = next(iter(folders)).rpartition("/")[0]
    refuse_no_image_folder(tree.where(above), sum(map(tree.may_hold_images, folders)), len(folders))


def refuse_no_image_folder(root: str, filled: int, count: int) -> None:
    """Refuse a folder of which most folders hold no images: it is the folder that is wrong, not one class of it.

    Args:
        root: The folder, as messages name it.
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
