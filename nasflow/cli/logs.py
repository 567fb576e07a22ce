"""`nasflow logs`: what the steps of a search have written on a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from nasflow.cli.arguments import CaFile, Host, Namespace, RunId, TokenFile
from nasflow.cli.cancel import Remote
from nasflow.cli.console import say


def logs(
    search: Remote,
    step: Annotated[
        str | None,
        typer.Argument(
            metavar="[STEP]",
            help="As in train-candidates or propose-2; by default those that failed, else those that run, else all.",
            show_default=False,
        ),
    ] = None,
    *,
    run: RunId = None,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Print what the steps of a search have written on Kubeflow Pipelines."""
    from nasflow.cli import remote
    from nasflow.pipelines.cluster.connection import Access

    found, command = remote.logs(search, Access(host, namespace, token_file, ca_file), step, run)
    for log in found:
        say(f"==> {log.step.name} ({log.step.state.lower()}), pod {log.pod}")
        say(log.text.rstrip("\n"))
    if not found:
        say("Kubeflow Pipelines has no log of these steps (any more); while their pods are there, read them with:")
        say(f"  {command}")
