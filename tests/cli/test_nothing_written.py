"""Commands that look leave nothing behind, and neither does a search that cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasflow.cli.main import app


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def written(text: str) -> str:
    path = Path("../configs/s.yaml")
    path.write_text(f"name: digits\n{text}")
    return str(path)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["gc"], 0),
        (["gc", "--yes"], 0),
        (["status"], 0),
        (["status", "digits"], 2),
        (["show", "digits"], 2),
        (["show", "digits", "1"], 2),
        (["report", "digits"], 2),
        (["ui"], 2),
    ],
)
def test_reading_an_empty_folder(command: list[str], code: int) -> None:
    result = CliRunner().invoke(app, command)
    assert result.exit_code == code, result.output + result.stderr
    assert list(Path().iterdir()) == []


def test_checking() -> None:
    result = CliRunner().invoke(app, ["check", written("data: sklearn:digits\n")])
    assert result.exit_code == 0, result.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: photos\n", "there is no folder"),
        ("data: sklearn:digits\nstorage: {url: /proc/x}\n", "'/proc/x' cannot be written"),
        ("data: sklearn:digits\nstorage: {url: ../configs/s.yaml}\n", "is a file where a folder is needed"),
        ("data: sklearn:digits\nstorage: {url: ../configs/s.yaml/below}\n", "is a file where a folder is needed"),
    ],
)
def test_what_cannot_be_searched_is_refused_at_the_door(command: str, text: str, words: str) -> None:
    result = CliRunner().invoke(app, [command, written(text)])
    assert result.exit_code == 2, result.output + result.stderr
    assert words in result.stderr
    assert list(Path().iterdir()) == []


def test_data_that_turn_out_broken_leave_nothing() -> None:
    for name in ("cat", "dog"):
        for number in range(30):
            path = Path(f"../configs/photos/{name}/{number}.jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"no image")
    result = CliRunner().invoke(app, ["run", written("data: {source: photos, size: 16}\n")])
    assert result.exit_code == 2
    assert list(Path().iterdir()) == []
