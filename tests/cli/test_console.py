"""Where commands write."""

from __future__ import annotations

import io

import pytest
from rich.console import Group
from rich.text import Text

from nasflow.cli.console import console, display, say


def test_colours_only_on_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    display(Text("failed", style="red"))
    assert capsys.readouterr().out == "failed\n"


def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Terminal()
    console(coloured).print(Text("failed", style="red"))
    assert "\x1b[31m" in coloured.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    console(plain).print(Text("failed", style="red"))
    assert "\x1b[31m" not in plain.getvalue()


def test_long_lines_are_neither_wrapped_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    say("/a/path " * 40)
    display(Group(Text("x" * 200, no_wrap=True, overflow="ignore")))
    lines = capsys.readouterr().out.splitlines()
    assert [len(line.rstrip()) for line in lines] == [319, 200]


def test_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    say("objectives[0] [red]must[/red] :smile:")
    assert capsys.readouterr().out == "objectives[0] [red]must[/red] :smile:\n"


def test_characters_that_the_stream_lacks_are_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    console(stream).print("8×8 ▁▂")
    stream.flush()
    assert raw.getvalue() == b"8?8 ??\n"
