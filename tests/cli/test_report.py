"""`nasflow report` replaces what it wrote itself, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nasflow.cli import wiring
from nasflow.cli.main import app

FILE = Path("small-report.html")


def report(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def asked(in_process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | Path]:
    """A real search, asked for its report in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return ["small", "--store", in_process.site.store_folder]


def newer(monkeypatch: pytest.MonkeyPatch, name: str = "small") -> bytes:
    """Let the report be another from now on, as after a raised budget."""
    known = wiring.report_html

    def changed(search: str, store: str | None) -> tuple[str, bytes]:
        return name, known(search, store)[1].replace(b"</main>", b"<p>newer</p></main>")

    monkeypatch.setattr(wiring, "report_html", changed)
    return b"<p>newer</p>"


def test_it_writes_the_report_of_the_search(in_process: Any, asked: list[str | Path]) -> None:
    assert report(*asked) == (0, "The report is in small-report.html.")
    assert FILE.read_bytes() == in_process.outcome.delivery.report.read_bytes()
    assert report(*asked)[0] == 0


def test_an_earlier_report_of_the_search_is_replaced(asked: list[str | Path], monkeypatch: pytest.MonkeyPatch) -> None:
    report(*asked)
    mark = newer(monkeypatch)
    assert report(*asked) == (0, "The report is in small-report.html.")
    assert mark in FILE.read_bytes()


@pytest.mark.parametrize("content", [b"my notes", b"", b"<!doctype html><title>small</title>"])
def test_any_other_file_is_left_alone(asked: list[str | Path], content: bytes) -> None:
    FILE.write_bytes(content)
    code, output = report(*asked)
    assert code == 2
    assert "small-report.html exists already and is no report of 'small'; name another file with --out" in output
    assert FILE.read_bytes() == content
    assert report(*asked, "--force")[0] == 0
    assert FILE.read_bytes() != content


def test_the_report_of_another_search_is_left_alone(asked: list[str | Path], monkeypatch: pytest.MonkeyPatch) -> None:
    report(*asked, "--out", "one.html")
    before = Path("one.html").read_bytes()
    newer(monkeypatch, "another")
    assert report(*asked, "--out", "one.html")[0] == 2
    assert Path("one.html").read_bytes() == before


def test_a_search_without_a_report_says_so(site: Any) -> None:
    site.search(budget={"trials": 3})
    code, output = report("small", "--store", site.store_folder)
    assert code == 2
    assert "has no report yet: it is written when the winner is delivered" in output
