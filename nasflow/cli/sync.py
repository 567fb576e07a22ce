"""`nasflow sync`: writing what MLflow lacks of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasflow.cli.arguments import Search, StoreUrl
from nasflow.cli.console import console, say

if TYPE_CHECKING:
    from nasflow.delivery.syncing import Synced


def sync(search: Search, store: StoreUrl = None) -> None:
    """Write into MLflow the runs of a search that it lacks, as after an outage; done twice, it changes nothing."""
    from pathlib import Path

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from nasflow.cli.wiring import find
    from nasflow.config.loading import load_config
    from nasflow.delivery.syncing import sync as write

    kept = find(search, store)
    tracking = load_config(Path(search)).tracking if search.endswith((".yaml", ".yml")) else None
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    screen = console()
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("runs", total=None)
        done = write(kept, tracking, lambda known, total: progress.update(task, completed=known, total=total))
    for line in told(done, search):
        say(line)


def told(done: Synced, search: str) -> list[str]:
    """Return what came of it, a sentence a line.

    Args:
        done: What MLflow has now.
        search: How the user names the search.
    """
    if not done.runs:
        lines = [f"Search '{done.name}' has no result yet; MLflow at {done.where} has its run."]
    elif done.missing:
        lines = [
            f"MLflow at {done.where} lacked {done.missing} of {done.runs} runs of search '{done.name}'; now it has all."
        ]
    else:
        lines = [f"MLflow at {done.where} has all {done.runs} runs of search '{done.name}'; nothing was missing."]
    if done.holder:
        lines.append(f"It goes on meanwhile, held by {done.holder}; what ends from now on, it writes itself.")
    if done.unregistered:
        lines.append(f"Its model is not registered yet: the command that ran it does that, as 'nasflow run {search}'.")
    return lines
