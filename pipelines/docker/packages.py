"""What `nasflow image --with` may name: a wheel, a source archive, a folder with a package, or a name of the index."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from nasflow.errors import UserError

_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_VERSION = r"\s*(?:===?|[<>!~]=|<|>)\s*[\w.*+!-]+\s*"
_REQUIREMENT = re.compile(rf"{_NAME}(?:\[[\w., -]+\])?(?:{_VERSION}(?:,{_VERSION})*)?", re.ASCII)
_FILES = (".whl", ".tar.gz", ".zip")
_PROJECT = ("pyproject.toml", "setup.py")
_LEFT_OUT = (
    *(".*", "__pycache__", "*.py[cod]", "*.egg-info", "build", "dist", "venv", "node_modules"),
    *("nasflow-store", "mlruns", "mlartifacts"),
)
"""What of a folder is not sent to the builder: hidden files, which may hold secrets, and what tools leave."""


def gathered(packages: Sequence[str], folder: Path) -> list[str]:
    """Copy packages into a folder and return the lines of a requirements file, which names them from there.

    Args:
        packages: What is to be installed.
        folder: An empty folder.

    Raises:
        UserError: One is none of what can be named.
    """
    if not packages:
        raise UserError("nothing to install is named: name a wheel, a folder or a package, as in --with my-family.")
    return [_gathered(package, folder / str(number)) for number, package in enumerate(packages)]


def _gathered(package: str, place: Path) -> str:
    path = Path(package).expanduser()
    if package and path.is_dir():
        if not any((path / name).is_file() for name in _PROJECT):
            raise UserError(
                f"'{package}' is a folder without pyproject.toml: name that of a Python package, a wheel of one, or a "
                "package of the index."
            )
        target = place / (path.resolve().name or "package")
        shutil.copytree(path, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        return f"./{place.name}/{target.name}"
    if path.is_file():
        if not path.name.endswith(_FILES):
            raise UserError(f"'{package}' is no wheel (.whl) and no source archive (.tar.gz, .zip).")
        place.mkdir(parents=True)
        shutil.copy(path, place)
        return f"./{place.name}/{path.name}"
    if package.endswith(_FILES) or "/" in package.partition("[")[0] or package.startswith((".", "~")):
        raise UserError(f"there is no file or folder '{package}'.")
    if not _REQUIREMENT.fullmatch(package):
        raise UserError(
            f"'{package}' is neither a file, nor a folder, nor a package of the index, as in 'my-family' or "
            "'my-family==1.2'."
        )
    return package
