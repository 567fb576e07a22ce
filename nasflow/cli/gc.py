"""`nasflow gc`: removing what no search needs."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import StoreUrl
from nasflow.cli.console import display, say


def gc(
    store: StoreUrl = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it; without this, only show what would go.")] = False,
) -> None:
    """Remove checkpoints and prepared data that no search needs; results, reports and models stay."""
    from nasflow.cli import wiring
    from nasflow.cli.tables import garbage

    view = wiring.garbage_view(store, remove=yes)
    display(garbage(view))
    if not view.removed and any(number for _, number, _ in view.items):
        say("Nothing was removed yet; do it with 'nasflow gc --yes'.")
