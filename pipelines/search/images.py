"""Which image a compiled pipeline's pods run, and by what kind of name."""

from __future__ import annotations

import re

from nasflow.components.image import IMAGE, NAMED
from nasflow.errors import UserError

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"({_HOST}/)?{_PART}(/{_PART})*(:[\w][\w.-]{{0,127}})?", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def chosen_image(named: str | None, *, allow_tag: bool) -> str:
    """Return the image to compile with; nothing is asked of a registry, so that the same call gives the same file.

    Args:
        named: As given to `--image`; by default that of `NASFLOW_IMAGE`, or the project's usual name.
        allow_tag: Whether a name without a digest will do.

    Raises:
        UserError: It is no name of an image, or has no digest and needs one.
    """
    image = IMAGE if named is None else named
    name, at, digest = image.partition("@")
    if not _NAME.fullmatch(name):
        raise UserError(f"'{image}' is no name of an image; write it as in 'registry.example.com/nasflow@sha256:…'.")
    if at and not _DIGEST.fullmatch(digest):
        raise UserError(
            f"the digest of an image is 'sha256:' and 64 of 0-9 and a-f, not '{digest}'; "
            f"'docker buildx imagetools inspect {name}' prints it."
        )
    if not at and not allow_tag:
        told = (
            "no image is named"
            if named is None and not NAMED
            else f"'{image}' is a tag, which may come to mean another"
        )
        looked_up = image if named or NAMED else "NAME"
        raise UserError(
            f"{told}: name the image of the pods by its digest, as in --image NAME@sha256:DIGEST "
            f"('docker buildx imagetools inspect {looked_up}' prints it), or take '{image}' with --allow-tag."
        )
    return image
