"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The search's YAML file.", show_default=False)]

Search = Annotated[
    str,
    typer.Argument(
        metavar="SEARCH", help="The search's YAML file, or its name or id in the store.", show_default=False
    ),
]

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Folder or URL of the store; by default that of the YAML file, or nasflow-store.",
        show_default=False,
    ),
]
