"""How commands end when something goes wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from nasflow import errors
from nasflow.cli.failing import DEBUG, guarded, sentences


def ended(error: BaseException) -> int:
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        guarded(command)()
    return caught.value.exit_code


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.DataError, 2),
        (errors.PluginError, 2),
        (errors.SpaceError, 2),
        (errors.SearchError, 1),
        (errors.StorageError, 1),
        (errors.HeldError, 3),
    ],
)
def test_each_error_has_its_status_and_its_sentence(
    kind: type[errors.NasflowError], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(kind("the folder has [red]no[/red] images.")) == status
    captured = capsys.readouterr()
    assert captured.err == "nasflow: the folder has [red]no[/red] images.\n"
    assert captured.out == ""


def test_several_problems_are_counted() -> None:
    assert sentences(errors.ConfigError(["a.", "b."])) == ["2 things to change:", "a.", "b."]
    assert sentences(errors.ConfigError(["a."])) == ["a."]


def test_an_interrupt_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(KeyboardInterrupt()) == 130
    assert "run the same command again to go on" in capsys.readouterr().err


def test_what_nobody_expected_is_a_sentence_and_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(DEBUG, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ended(ZeroDivisionError("division by zero")) == 1
    message = capsys.readouterr().err
    assert message.startswith("nasflow: this should not have happened: ZeroDivisionError: division by zero.\n")
    assert "Traceback (most" not in message
    found = re.search(r"The traceback is in (\S+);", message)
    assert found
    assert "ZeroDivisionError: division by zero" in Path(found[1]).read_text()


def test_debug_lets_the_traceback_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG, "1")

    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guarded(command)()


def test_an_exit_of_the_command_itself_passes() -> None:
    assert ended(typer.Exit(5)) == 5


def test_the_command_keeps_its_name_and_result() -> None:
    def command(number: int) -> int:
        """Double."""
        return 2 * number

    assert guarded(command)(4) == 8
    assert guarded(command).__doc__ == "Double."
