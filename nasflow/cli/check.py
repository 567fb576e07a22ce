"""`nasflow check`: what would run, without running it."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import Config
from nasflow.cli.console import display


def check(
    config: Config,
    *,
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Whether to measure for some seconds how long it will take.")
    ] = True,
) -> None:
    """Check a search and print what would run, and about how long it will take; nothing is written."""
    from nasflow.cli import wiring
    from nasflow.cli.tables import plan

    display(plan(wiring.plan_view(config, probe=probe)))
