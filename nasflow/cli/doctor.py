"""`nasflow doctor`: whether everything that a search needs is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasflow.cli.console import display
from nasflow.cli.options import access_options, taking
from nasflow.errors import ClusterError

if TYPE_CHECKING:
    from nasflow.pipelines.cluster.connection import Access

_SIGNS = {True: ("well", "green"), False: ("fails", "red"), None: ("skipped", "cyan")}


@taking(access=access_options)
def doctor(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CONFIG]", help="The search's YAML file: its data, store and MLflow too.", show_default=False
        ),
    ] = None,
    *,
    access: Access,
) -> None:
    """Test every connection, credential, permission and version, and say what to do about each that fails.

    Nothing is left behind. The exit status is 1 where a test fails.
    """
    from rich.text import Text

    from nasflow.cli.text import count
    from nasflow.config.loading import load_config
    from nasflow.pipelines.cluster.health import examined

    search = load_config(config) if config is not None else None
    base = config.resolve().parent if config is not None else Path.cwd()
    failed = 0
    for finding in examined(search, base, access):
        sign, colour = _SIGNS[finding.well]
        failed += finding.well is False
        line = Text.assemble((f"{sign:<8}", colour), (f"{finding.what}: ", "bold"), finding.said)
        line.no_wrap, line.overflow = True, "ignore"
        display(line)
    if failed:
        raise ClusterError(f"{count(failed, 'test')} failed; each says what to do.")
