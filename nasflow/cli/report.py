"""`nasflow report`: the report of a finished search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasflow.cli.arguments import Search, StoreUrl
from nasflow.cli.console import say
from nasflow.errors import UserError


def report(
    search: Search,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="File to write; by default NAME-report.html.", show_default=False
        ),
    ] = None,
    store: StoreUrl = None,
    *,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file whatever it is.")] = False,
) -> None:
    """Write the report of a finished search: one HTML file that needs nothing else.

    An earlier report of the same search is replaced; any other file is left alone.
    """
    from nasflow.cli import wiring
    from nasflow.delivery.report.marking import search_of

    name, html = wiring.report_html(search, store)
    target = out if out is not None else Path(f"{name}-report.html")
    if target.is_dir():
        target /= f"{name}-report.html"
    if target.exists() and not force and search_of(target) != name and target.read_bytes() != html:
        raise UserError(
            f"{target} exists already and is no report of '{name}'; name another file with --out, or replace it with "
            f"--force."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(html)
    say(f"The report is in {target}.")
    if show:
        import webbrowser

        webbrowser.open(target.resolve().as_uri())
