"""The grammar of `data.source`: `SOURCE:ARGUMENT`, or the bare path of an image folder."""

from __future__ import annotations

import difflib
import re

from nasflow import plugins
from nasflow.errors import ConfigError

FOLDER = "folder"
_PREFIX = re.compile(r"([a-z][a-z0-9_+.-]+):(.*)", re.DOTALL)


def split_source(source: str) -> tuple[str, str]:
    r"""Cut `data.source` into the name of a source and its argument.

    `sklearn:digits` names an installed source. Everything else is the path of an image folder, or of a zip or tar of
    one: `photos`, `photos.zip`, `./a:b`, `C:\photos`, and `cats:and:dogs` too, as long as what stands before the colon
    does not look like a misspelt source.

    Args:
        source: As written in the configuration.

    Returns:
        Name of the source, and what stands behind the colon.

    Raises:
        ConfigError: Nothing is written, a source has no argument, or what looks like one is not installed. The sentence
            has no field name in front.
    """
    if not source.strip():
        raise ConfigError(["is empty; name an image folder, or a source as in 'sklearn:digits'."])
    parts = _PREFIX.fullmatch(source)
    if parts is None:
        return FOLDER, source
    prefix, argument = parts.groups()
    known = plugins.names("sources")
    if prefix in known:
        if not argument.strip():
            raise ConfigError([f"needs something behind '{prefix}:', as in '{prefix}:{_example(prefix)}'."])
        return prefix, argument
    if argument.startswith("//") or difflib.get_close_matches(prefix, known, n=1, cutoff=0.7) or _is_word(argument):
        raise ConfigError(
            [
                f"has '{prefix}' before the colon, which is none of the known sources: {', '.join(known)}."
                f"{plugins.nearest(prefix, known)} A folder whose name has a colon is written './{source}'."
            ]
        )
    return FOLDER, source


def _is_word(argument: str) -> bool:
    """Whether what stands behind a colon reads like a dataset's name rather than like a path."""
    return re.fullmatch(r"[\w-]+", argument) is not None


def _example(prefix: str) -> str:
    known = {
        "sklearn": "digits",
        "torchvision": "CIFAR10",
        "npz": "digits.npz",
        "s3": "//bucket/photos",
        FOLDER: "photos",
    }
    return known.get(prefix, "ARGUMENT")
