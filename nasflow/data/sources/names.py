"""Names of files: which are images, which are archives, and which are of no interest."""

from __future__ import annotations

import re

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""How the names of image files end, in small letters."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
"""How the names of the archives that can be read end, in small letters."""

_ODD_BYTES = re.compile("[\udc80-\udcff]")
_JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def is_image_name(name: str) -> bool:
    """Whether a file's name ends as those of images do."""
    return name.lower().endswith(SUFFIXES)


def is_archive_name(name: str) -> bool:
    """Whether a file's name ends as those of the archives do that can be read."""
    return name.lower().endswith(ARCHIVES)


def readable(path: str) -> str:
    r"""Return a path in which names that are not UTF-8 are read as Windows-1252, which holds all letters of Latin-1.

    Python stands each byte that is not UTF-8 for by half of a surrogate pair, which can be neither stored nor shown.
    Each name in the path is read on its own; bytes without a meaning in Windows-1252 are written as `\x81`.

    Args:
        path: As the system or an archive gives it, with `/`.
    """
    if _ODD_BYTES.search(path) is None:
        return path
    return "/".join(_read_anew(name) if _ODD_BYTES.search(name) else name for name in path.split("/"))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or is what an operating system leaves beside one's own."""
    return name.startswith(".") or name.lower() in _JUNK


def _read_anew(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("cp1252", "backslashreplace")
