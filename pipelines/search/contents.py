"""What an image of nasflow can run, as its labels tell a registry's clients.

`make image` and `nasflow image` run this module as a program in the image that they have built and put what it prints
on it, so that the labels are those of what is installed there, whoever built the image and with which packages.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import get_args

from nasflow.plugins import Group, names

PLUGINS = "io.nasflow.plugins"
"""Label with the names that can be written in a search's YAML: a JSON object, as `rendered` gives it."""

VERSION = "org.opencontainers.image.version"
"""Label with the version of nasflow."""


def plugins() -> dict[str, list[str]]:
    """Return the names in every entry-point group of nasflow, sorted, as in `{"nasflow.strategies": ["random"]}`."""
    return {f"nasflow.{group}": names(group) for group in sorted(get_args(Group))}


def rendered(found: dict[str, list[str]]) -> str:
    """Return `plugins` as the label holds it: JSON on one line, the same for the same names."""
    return json.dumps(found, sort_keys=True, separators=(",", ":"))


def labels() -> dict[str, str]:
    """Return the labels of an image that has what is installed here."""
    return {PLUGINS: rendered(plugins()), VERSION: version("nasflow")}


def main() -> None:
    """Print the labels, one `name=value` a line, as `docker build --label` takes them."""
    for name, value in labels().items():
        print(f"{name}={value}")  # noqa: T201 - its output is what it is for


if __name__ == "__main__":
    main()
