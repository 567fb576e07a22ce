"""The command `nasflow`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from nasflow.cli.cancel import cancel
from nasflow.cli.check import check
from nasflow.cli.compile import compile_pipeline
from nasflow.cli.doctor import doctor
from nasflow.cli.failing import DEBUG, INTERRUPTED, guarded
from nasflow.cli.gc import gc
from nasflow.cli.image import image
from nasflow.cli.logs import logs
from nasflow.cli.new import new
from nasflow.cli.promote import promote
from nasflow.cli.refresh import refresh
from nasflow.cli.report import report
from nasflow.cli.run import run
from nasflow.cli.schedule import app as schedule
from nasflow.cli.schema import schema
from nasflow.cli.show import show
from nasflow.cli.status import status
from nasflow.cli.submit import submit
from nasflow.cli.sync import sync
from nasflow.cli.ui import ui
from nasflow.logs import shown

app = typer.Typer(
    name="nasflow",
    help="Search for neural architectures: one YAML file in, a registered model out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nasflow {version('nasflow')}")
        raise typer.Exit


@app.callback(epilog="Begin with 'nasflow new my-search --data PHOTOS', then 'nasflow run my-search.yaml'.")
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=lambda v: _version(wanted=v), is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of unexpected errors.")] = False,
) -> None:
    if debug:
        os.environ[DEBUG] = "1"


for _name, _command in (
    ("new", new),
    ("check", check),
    ("run", run),
    ("refresh", refresh),
    ("promote", promote),
    ("compile", compile_pipeline),
    ("submit", submit),
    ("cancel", cancel),
    ("logs", logs),
    ("image", image),
    ("doctor", doctor),
    ("status", status),
    ("show", show),
    ("report", report),
    ("sync", sync),
    ("ui", ui),
    ("gc", gc),
    ("schema", schema),
):
    app.command(_name)(guarded(_command))
app.add_typer(schedule, name="schedule")


def _avoid_yellow() -> None:
    """Give typer's help colours that can be read on white too."""
    from typer import rich_utils

    for name, style in vars(rich_utils).copy().items():
        if name.startswith("STYLE_") and isinstance(style, str) and "yellow" in style:
            setattr(rich_utils, name, style.replace("yellow", "magenta"))


def main() -> None:
    """Run the command line and end the process.

    The exit status is 0, 1 (failure), 2 (the user's input), 3 (the search is held by another) or 130 (interrupted).
    """
    if len(sys.argv) == 1 or {"-h", "--help"} & set(sys.argv):
        _avoid_yellow()
    try:
        with shown(logging.WARNING):
            app(prog_name="nasflow")
    except KeyboardInterrupt:
        sys.stderr.write("nasflow: interrupted.\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
