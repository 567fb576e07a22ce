"""Names of files: which are images, which are archives, and which are of no interest."""

from __future__ import annotations

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""How the names of image files end, in small letters."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
"""How the names of the archives that can be read end, in small letters."""

_JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def is_image_name(name: str) -> bool:
    """Whether a file's name ends as those of images do."""
    return name.lower().endswith(SUFFIXES)


def is_archive_name(name: str) -> bool:
    """Whether a file's name ends as those of the archives do that can be read."""
    return name.lower().endswith(ARCHIVES)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or is what an operating system leaves beside one's own."""
    return name.startswith(".") or name.lower() in _JUNK
