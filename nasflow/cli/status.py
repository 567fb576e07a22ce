"""`nasflow status`: the searches of a store, or how far one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nasflow.cli.arguments import RunId, StoreUrl
from nasflow.cli.console import display, say
from nasflow.cli.options import access_options, taking
from nasflow.errors import UserError

if TYPE_CHECKING:
    from nasflow.pipelines.cluster.connection import Access


@taking(access=access_options)
def status(
    search: Annotated[
        str | None,
        typer.Argument(
            metavar="SEARCH", help="A search's YAML file, or its name or id; by default all.", show_default=False
        ),
    ] = None,
    store: StoreUrl = None,
    *,
    remote: Annotated[
        bool, typer.Option("--remote", help="Ask Kubeflow Pipelines for the last run of the search.")
    ] = False,
    run: RunId = None,
    access: Access,
) -> None:
    """Show the searches that are kept, or how far one of them is, here or on Kubeflow Pipelines."""
    from nasflow.cli import wiring
    from nasflow.cli.progress import drawn
    from nasflow.cli.tables import searches

    if remote or run or access.host:
        from nasflow.cli.remote import progress

        if search is None:
            raise UserError("--remote needs a search: name its YAML file, or the name in it.")
        view, address, failed = progress(search, access, run)
        display(drawn(view))
        for line in (failed, address):
            if line:
                say(f"  {line}")
    elif search is None:
        display(searches(wiring.search_rows(store)))
    else:
        display(drawn(wiring.progress_view(search, store)))
