"""Groups of options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from nasflow.cli.failing import guarded
from nasflow.cli.main import app
from nasflow.cli.options import Compiling, access_options, compile_options, taking
from nasflow.pipelines.cluster.connection import Access

seen: list[Any] = []


@taking(compiling=compile_options, access=access_options)
def command(
    name: str,
    *,
    loud: Annotated[bool, typer.Option("--loud", help="Say it loud.")] = False,
    compiling: Compiling,
    access: Access,
) -> None:
    """Do it."""
    seen.append((name, loud, compiling, access))


def called(*arguments: str) -> Any:
    own = typer.Typer()
    own.command()(guarded(command))
    seen.clear()
    return CliRunner().invoke(own, list(arguments), env={"COLUMNS": "80", "NO_COLOR": "1"})


def test_a_group_reaches_its_command_as_one_argument() -> None:
    assert called("pets", "--host", "http://h", "-n", "team", "--image", "i:1", "--no-check-image").exit_code == 0
    ((name, loud, compiling, access),) = seen
    assert (name, loud) == ("pets", False)
    assert compiling == Compiling(image="i:1", check_image=False)
    assert access == Access("http://h", "team")


def test_every_option_has_its_place() -> None:
    given = ["--loud", "--allow-tag", "--plain-http", "--registry-ca", "ca.crt", "--store", "s3://b"]
    given += ["--device-kind", "cpu-x", "--token-file", "-", "--ca-file", "k.crt"]
    assert called("pets", *given).exit_code == 0
    ((_, loud, compiling, access),) = seen
    assert loud
    assert compiling == Compiling(None, "cpu-x", True, "s3://b", True, True, Path("ca.crt"))
    assert access == Access(token_file=Path("-"), ca_file=Path("k.crt"))


def test_the_command_s_own_text_and_all_options_are_in_its_help() -> None:
    shown = called("--help").output
    assert "Do it." in shown
    for option in ("--loud", "--image", "--no-check-image", "--host", "--namespace"):
        assert option in shown
    assert "--compiling" not in shown
    assert "--access" not in shown


@pytest.mark.parametrize(
    "arguments",
    [["submit"], ["cancel"], ["logs"], ["doctor"], ["status"], ["schedule", "create"], ["schedule", "pause"]],
)
def test_the_commands_on_a_cluster_say_how_to_get_in(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert result.exit_code == 0
    for option in ("--host", "--namespace", "--token-file", "--ca-file"):
        assert option in result.output
