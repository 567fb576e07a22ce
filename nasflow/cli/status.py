"""`nasflow status`: the searches of a store, or how far one is."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import StoreUrl
from nasflow.cli.console import display


def status(
    search: Annotated[
        str | None,
        typer.Argument(
            metavar="SEARCH", help="A search's YAML file, or its name or id; by default all.", show_default=False
        ),
    ] = None,
    store: StoreUrl = None,
) -> None:
    """Show the searches that are kept, or how far one of them is."""
    from nasflow.cli import wiring
    from nasflow.cli.progress import drawn
    from nasflow.cli.tables import searches

    if search is None:
        display(searches(wiring.search_rows(store)))
    else:
        display(drawn(wiring.progress_view(search, store)))
