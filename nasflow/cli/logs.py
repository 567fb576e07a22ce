"""`nasflow logs`: what the steps of a search have written on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nasflow.cli.arguments import RunId
from nasflow.cli.cancel import Remote
from nasflow.cli.console import say
from nasflow.cli.options import access_options, taking

if TYPE_CHECKING:
    from nasflow.pipelines.cluster.connection import Access


@taking(access=access_options)
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
    access: Access,
) -> None:
    """Print what the steps of a search have written on Kubeflow Pipelines."""
    from nasflow.cli import remote

    found, command = remote.logs(search, access, step, run)
    for log in found:
        say(f"==> {log.step.name} ({log.step.state.lower()}), pod {log.pod}")
        say(log.text.rstrip("\n"))
    if not found:
        say("Kubeflow Pipelines has no log of these steps (any more); while their pods are there, read them with:")
        say(f"  {command}")
