"""`nasflow cancel`: ending a search on a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import CaFile, Host, Namespace, TokenFile
from nasflow.cli.console import say

Remote = Annotated[
    str, typer.Argument(metavar="SEARCH", help="The search's YAML file, or its name.", show_default=False)
]


def cancel(
    search: Remote,
    *,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """End the runs of a search on Kubeflow Pipelines; what has finished is kept.

    'nasflow submit' goes on where it stopped.
    """
    from nasflow.cli import remote
    from nasflow.pipelines.cluster.connection import Access

    ended = remote.cancel(search, Access(host, namespace, token_file, ca_file))
    for name in ended:
        say(f"Cancelled {name}.")
    if not ended:
        say(f"Nothing to cancel: no run of {search} is under way.")
