"""`nasflow cancel`: ending a search on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nasflow.cli.console import say
from nasflow.cli.options import access_options, taking

if TYPE_CHECKING:
    from nasflow.pipelines.cluster.connection import Access

Remote = Annotated[
    str, typer.Argument(metavar="SEARCH", help="The search's YAML file, or its name.", show_default=False)
]


@taking(access=access_options)
def cancel(
    search: Remote,
    *,
    access: Access,
) -> None:
    """End the runs of a search on Kubeflow Pipelines; what has finished is kept.

    'nasflow submit' goes on where it stopped.
    """
    from nasflow.cli import remote

    ended = remote.cancel(search, access)
    for name in ended:
        say(f"Cancelled {name}.")
    if not ended:
        say(f"Nothing to cancel: no run of {search} is under way.")
