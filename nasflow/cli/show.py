"""`nasflow show`: the trials of a search, or one of them in detail."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import Search, StoreUrl
from nasflow.cli.console import display

_ROWS = 10


def show(
    search: Search,
    trial: Annotated[
        str | None,
        typer.Argument(
            metavar="TRIAL", help="Number of a trial, or the beginning of its id or its network's.", show_default=False
        ),
    ] = None,
    *,
    all_trials: Annotated[bool, typer.Option("--all", help="Show every trial, not only the best ten.")] = False,
    store: StoreUrl = None,
) -> None:
    """Show the trials of a search, best first, or one trial in detail."""
    from nasflow.cli import tables, wiring

    if trial is not None:
        display(tables.trial(wiring.trial_view(search, store, trial)))
    else:
        display(tables.leaderboard(wiring.leaderboard_view(search, store, None if all_trials else _ROWS)))
