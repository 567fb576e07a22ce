"""Where commands write: standard output for what was asked for, standard error for what went wrong."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def console(stream: TextIO | None = None) -> Console:
    """Return a console on a stream, standard output by default.

    Colours appear on terminals only, and not under `NO_COLOR`; numbers are not highlighted, so that colour has a
    meaning. A character that the stream's encoding lacks becomes a question mark instead of an error.
    """
    from rich.console import Console

    stream = stream if stream is not None else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return Console(file=stream, highlight=False, emoji=False, markup=False)


def display(drawing: RenderableType) -> None:
    """Print a drawing; lines that may not be wrapped (paths, commands) run on instead of being cut."""
    console().print(drawing, crop=False)


def remark(text: str) -> None:
    """Print a line on standard error, where it is in nobody's way: a note, and not what was asked for."""
    console(sys.stderr).print(text, soft_wrap=True)


def say(text: str) -> None:
    """Print a line as it is: never wrapped, so that paths and commands can be copied."""
    console().print(text, soft_wrap=True)
