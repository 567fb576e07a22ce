"""`nasflow new`: the YAML of a search to begin with."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from nasflow.cli.console import say
from nasflow.errors import ConfigError, UserError

DEFAULT_SOURCE = "sklearn:digits"

_TEMPLATE = """\
# A search of nasflow. See what would run: nasflow check {file}; run it: nasflow run {file}
name: {name}

# Where the samples come from: {about_data}
data: {data}

# The networks to choose among: cnn, cell or mlp.
space: cnn
# How the search proceeds: evolution, random or grid.
strategy: evolution

objectives:
  - val_accuracy # the first one decides
  - name: parameters
    less_than: reference # smaller than the reference network

fidelity:
  epochs: {epochs} # of a trial
training:
  augment: {{flip: {flip}}} # {about_flip}
budget:
  trials: 24 # raise it and run again to search further
final:
  candidates: 2 # so many of the best are trained in full
  epochs: {final_epochs}
"""


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the search and of its model.", show_default=False)
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            "-d",
            metavar="PATH_OR_SOURCE",
            help="A folder with a folder of images for each class, or SOURCE:ARGUMENT.",
        ),
    ] = DEFAULT_SOURCE,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="File to write; by default NAME.yaml.", show_default=False),
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write the YAML of a search to begin with."""
    target = out if out is not None else Path(f"{name}.yaml")
    if out is None and not _is_name(name):
        fixed = re.sub(r"[^a-z0-9-]+", "-", Path(name).stem.lower()).strip("-") or "my-search"
        raise UserError(f"NAME must be 1 to 63 lower-case letters, digits and hyphens, not '{name}'; try '{fixed}'.")
    if target.suffix not in (".yaml", ".yml"):
        raise UserError(f"--out must name a .yaml file, not '{target}'.")
    if not target.parent.is_dir():
        raise UserError(f"the folder '{target.parent}' of --out does not exist.")
    if target.exists() and not force:
        raise UserError(f"{target} exists already; name another file with --out, or replace it with --force.")
    text = template(name, data, target)
    _check(text, target)
    _write(target, text)
    say(f"Wrote {target}.")
    say(f"See what would run:  nasflow check {target}")
    say(f"Run it:              nasflow run {target}")


def template(name: str, data: str, target: Path) -> str:
    """Return a commented configuration.

    Args:
        name: The search's name.
        data: A source, or the path of an image folder from the working directory.
        target: The file that it is for; a relative path of a folder is rewritten to start at its folder.

    Raises:
        UserError: The image folder does not exist.
    """
    from nasflow.config.sources import FOLDER, split_source

    try:
        source, argument = split_source(data)
    except ConfigError as error:
        raise UserError(f"--data {error}") from error
    folder = source == FOLDER
    if folder:
        data = _quoted(_folder(argument, target))
    return _TEMPLATE.format(
        file=target,
        name=name,
        data=data,
        about_data="a folder of images for each class."
        if folder
        else "SOURCE:ARGUMENT, or the path of an image folder.",
        epochs=8 if folder else 10,
        final_epochs=40,
        flip=str(folder).lower(),
        about_flip=(
            "mirror images at random; false where left and right matter" if folder else "true mirrors images at random"
        ),
    )


def _folder(argument: str, target: Path) -> str:
    from nasflow.data.sources.names import is_archive_name

    folder = Path(argument).expanduser()
    if not folder.is_dir() and not (folder.is_file() and is_archive_name(folder.name)):
        there = "is a file" if folder.exists() else "does not exist"
        raise UserError(
            f"--data must be a folder of images, a zip or tar of one, or an installed source; '{argument}' {there}."
        )
    if folder.is_absolute():
        return str(folder)
    relative = os.path.relpath(folder, target.parent)
    return f"./{relative}" if ":" in relative else relative


def _quoted(text: str) -> str:
    """Return a path as YAML text, in quotes where YAML would read something else."""
    import yaml

    bare = re.fullmatch(r"[A-Za-z_./][\w./-]*", text) is not None and yaml.safe_load(text) == text
    return text if bare else "'" + text.replace("'", "''") + "'"


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) is not None


def _check(text: str, target: Path) -> None:
    """Refuse to write what could not be run."""
    from nasflow.config import parse_config

    parse_config(text, str(target))


def _write(target: Path, text: str) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"{target} cannot be written: {error.strerror or error}.") from error
