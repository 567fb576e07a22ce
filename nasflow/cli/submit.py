"""`nasflow submit`: a search on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nasflow.cli.arguments import Config, ServiceAccount
from nasflow.cli.console import console, remark, say
from nasflow.cli.options import Compiling, access_options, compile_options, taking

if TYPE_CHECKING:
    from nasflow.pipelines.cluster.connection import Access
    from nasflow.pipelines.cluster.following import Failure
    from nasflow.pipelines.cluster.runs import Run


@taking(compiling=compile_options, access=access_options)
def submit(
    config: Config,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end.")] = False,
    max_restarts: Annotated[
        int,
        typer.Option(
            "--max-restarts", metavar="N", min=0, max=100, help="With --wait: start again so often when a pod is lost."
        ),
    ] = 0,
    new: Annotated[
        bool,
        typer.Option("--new", help="Search anew, though this search is under way or done; what it found before stays."),
    ] = False,
    service_account: ServiceAccount = None,
    compiling: Compiling,
    access: Access,
) -> None:
    """Run a search, or its refresh, on Kubeflow Pipelines.

    The pipeline is uploaded once for each content. A run of it that is not over yet is taken up instead of started
    twice, so that the same command again is safe; after a failure it goes on where the search stopped.
    """
    from nasflow.cli.progress import Progress
    from nasflow.cli.remote import Submission
    from nasflow.errors import UserError

    if max_restarts and not wait:
        raise UserError("--max-restarts needs --wait: somebody has to see that a pod is lost.")
    if new and compiling.refresh:
        raise UserError("--new begins a search anew, and a refresh does that by itself once its data change.")
    submission = Submission(config, access, compiling)
    run, started = submission.start(service_account, anew=new)
    for note in submission.notes:
        remark(note)
    say(f"{'Started' if started else 'Already under way:'} {run.name}: {submission.address(run)}")
    if not wait:
        say(f"Follow it with 'nasflow submit {config} --wait' or 'nasflow status {config} --remote'.")
        return

    def restarted(run: Run, why: Failure) -> None:
        say(f"{why.sentence} Started again as {run.name}: {submission.address(run)}")

    with Progress(console()) as progress:
        submission.follow(run, service_account, progress.update, restarted, max_restarts=max_restarts)
    ended = "The refresh of {} has ended." if compiling.refresh else "Search {} is delivered."
    say(ended.format(submission.search.name))
