"""`nasflow status`: the searches of a store, or how far one is."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import CaFile, Host, Namespace, RunId, StoreUrl, TokenFile
from nasflow.cli.console import display, say
from nasflow.errors import UserError


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
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Show the searches that are kept, or how far one of them is, here or on Kubeflow Pipelines."""
    from nasflow.cli import wiring
    from nasflow.cli.progress import drawn
    from nasflow.cli.tables import searches

    if remote or run or host:
        from nasflow.cli.remote import progress
        from nasflow.pipelines.cluster.connection import Access

        if search is None:
            raise UserError("--remote needs a search: name its YAML file, or the name in it.")
        view, address, failed = progress(search, Access(host, namespace, token_file, ca_file), run)
        display(drawn(view))
        for line in (failed, address):
            if line:
                say(f"  {line}")
    elif search is None:
        display(searches(wiring.search_rows(store)))
    else:
        display(drawn(wiring.progress_view(search, store)))
