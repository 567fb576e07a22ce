"""`nasflow doctor`: whether everything that a search needs is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasflow.cli.arguments import CaFile, Host, Namespace, TokenFile
from nasflow.cli.console import display
from nasflow.errors import ClusterError

_SIGNS = {True: ("well", "green"), False: ("fails", "red"), None: ("skipped", "cyan")}


def doctor(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CONFIG]", help="The search's YAML file: its data, store and MLflow too.", show_default=False
        ),
    ] = None,
    *,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Test every connection, credential, permission and version, and say what to do about each that fails.

    Nothing is left behind. The exit status is 1 where a test fails.
    """
    from rich.text import Text

    from nasflow.cli.text import count
    from nasflow.config.loading import load_config
    from nasflow.pipelines.cluster.connection import Access
    from nasflow.pipelines.cluster.health import examined

    search = load_config(config) if config is not None else None
    base = config.resolve().parent if config is not None else Path.cwd()
    failed = 0
    for finding in examined(search, base, Access(host, namespace, token_file, ca_file)):
        sign, colour = _SIGNS[finding.well]
        failed += finding.well is False
        line = Text.assemble((f"{sign:<8}", colour), (f"{finding.what}: ", "bold"), finding.said)
        line.no_wrap, line.overflow = True, "ignore"
        display(line)
    if failed:
        raise ClusterError(f"{count(failed, 'test')} failed; each says what to do.")
