"""`nasflow check`: what would run, without running it."""

from __future__ import annotations

from nasflow.cli.arguments import Config
from nasflow.cli.console import display


def check(config: Config) -> None:
    """Check a search and print what would run; nothing is written."""
    from nasflow.cli import wiring
    from nasflow.cli.tables import plan

    display(plan(wiring.plan_view(config)))
