"""The command line as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasflow import __version__
from nasflow.cli.main import app

COMMANDS = ["new", "check", "run", "compile", "image", "status", "show", "report", "sync", "ui", "gc", "schema"]
HEAVY = ("torch", "kfp", "mlflow", "pydantic", "numpy", "pandas", "sklearn", "onnx", "yaml")
CALL = "import sys; from nasflow.cli.main import main; main()"


def nasflow(*arguments: str, cwd: Path | None = None, code: str = CALL) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=60)


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom nasflow.cli.main import main\n"
        "try:\n    main()\nfinally:\n"
        f"    print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    result = nasflow("--help", code=code)
    assert result.returncode == 0, result.stderr
    assert "HEAVY []" in result.stdout
    for command in COMMANDS:
        assert f"│ {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert result.exit_code == 0
    assert f"nasflow {command}" in result.output.replace("root", "nasflow")
    assert max(len(line) for line in result.output.splitlines()) <= 80


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], []])
def test_help_can_be_read_on_white(arguments: list[str]) -> None:
    code = "import os; os.environ.pop('NO_COLOR'); os.environ['FORCE_COLOR'] = '1'; " + CALL
    text = nasflow(*arguments, code=code).stdout
    assert "\x1b[1" in text
    for colour in ("33", "93", "37", "97"):
        assert f";{colour}m" not in text
        assert f"[{colour}m" not in text


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"nasflow {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chek"], "Did you mean 'check'"),
        (["check"], "Missing argument"),
        (["run", "a.yaml", "--nw"], "No such option"),
        (["ui", "--port", "99999"], "65535"),
    ],
)
def test_wrong_use_ends_with_status_2(arguments: list[str], words: str, tmp_path: Path) -> None:
    result = nasflow(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_is_answered_in_sentences_with_status_2_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("name: digits\ndata: sklearn:digits\nbudget: {trials: ten}\nfidelity: {epoch: 3}\n")
    result = nasflow("check", "s.yaml", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "nasflow: 2 things to change:\n"
        "  s.yaml, line 3: budget.trials must be a whole number, not 'ten'.\n"
        "  s.yaml, line 4: fidelity has no field 'epoch'. Did you mean 'epochs'?\n"
    )
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("command", ["check", "run", "compile", "ui"])
def test_a_missing_file_is_the_users_to_mend(command: str, tmp_path: Path) -> None:
    result = nasflow(command, "none.yaml", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr == "nasflow: none.yaml: there is no such file.\n"
    assert list(tmp_path.iterdir()) == []
