"""How commands end when something goes wrong: a sentence and an exit status, never a traceback for a user's mistake."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import typer

from nasflow.errors import ConfigError, NasflowError
from nasflow.passwords import hidden

DEBUG = "NASFLOW_DEBUG"
"""Environment variable that makes unexpected errors show their traceback; `--debug` sets it."""

INTERRUPTED = 130

P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that its exceptions become sentences on standard error and an exit status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except NasflowError as error:
            _tell(sentences(error))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            _tell(["interrupted. What has finished is kept; run the same command again to go on."])
            raise typer.Exit(INTERRUPTED) from error
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:  # whatever it is, a user gets a sentence and the traceback is kept
            if os.environ.get(DEBUG):
                raise
            _tell(_unexpected(error))
            raise typer.Exit(1) from error

    return run


def sentences(error: NasflowError) -> list[str]:
    """Return what an error says, a sentence a line; many problems are counted first."""
    if not isinstance(error, ConfigError) or len(error.problems) == 1:
        return str(error).splitlines()
    return [f"{len(error.problems)} things to change:", *error.problems]


def _tell(lines: list[str]) -> None:
    first, *rest = lines or ["failed without saying why."]
    sys.stderr.write(hidden("\n".join([f"nasflow: {first}", *(f"  {line}" for line in rest)])) + "\n")


def _unexpected(error: Exception) -> list[str]:
    said = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".")
    lines = [f"this should not have happened: {said}."]
    try:
        handle, name = tempfile.mkstemp(prefix="nasflow-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(hidden("".join(traceback.format_exception(error))))
    except OSError:
        return [*lines, "Run the command again as 'nasflow --debug …' to see where."]
    return [*lines, f"The traceback is in {Path(name)}; 'nasflow --debug …' shows it at once."]
