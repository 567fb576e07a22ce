"""`nasflow refresh`: the champion replaced once the data have changed, if something better is found."""

from __future__ import annotations

from nasflow.cli.arguments import Config
from nasflow.cli.console import console, display


def refresh(config: Config) -> None:
    """Refresh the champion of a search: once its data have changed, search again, and promote what is better.

    Nothing is trained while the data are the same. Running the same file again goes on where it stopped, and promotes
    nothing twice. The section 'refresh' of the file says how.
    """
    from nasflow.cli import refreshing, tables
    from nasflow.cli.progress import Progress

    with Progress(console()) as progress:
        view = refreshing.refreshed(config, progress.update)
    display(tables.refresh(view))
