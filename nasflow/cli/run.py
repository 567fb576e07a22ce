"""`nasflow run`: a whole search, from the data to the registered model."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import Config
from nasflow.cli.console import console, display


def run(
    config: Config,
    *,
    new: Annotated[
        bool, typer.Option("--new", help="Start anew, even where this search has run; what it found stays.")
    ] = False,
) -> None:
    """Run a search, from the data to the registered model.

    Running the same file again goes on where it stopped; a finished search prints its result. Raise budget.trials to
    search further.
    """
    from nasflow.cli import wiring
    from nasflow.cli.progress import Progress
    from nasflow.cli.tables import summary

    with Progress(console()) as progress:
        view = wiring.run_search(config, anew=new, on_progress=progress.update)
    display(summary(view))
