"""What each command does with what the library returns; the library's side is tested where it is."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nasflow.cli import wiring
from nasflow.cli.main import app
from nasflow.cli.progress import ProgressView
from nasflow.cli.views import GarbageView, LeaderboardView, PlanView, SearchRow, SummaryView, TrialView
from nasflow.components.image import IMAGE
from nasflow.errors import HeldError, SearchError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text("name: digits\ndata: sklearn:digits\n")


def nasflow(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"})


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that makes the wiring answer something, and gives the list of its calls."""

    def answer(name: str, result: Any) -> list[tuple[Any, ...]]:
        calls: list[tuple[Any, ...]] = []

        def called(*args: Any, **kwargs: Any) -> Any:
            calls.append((*args, kwargs) if kwargs else args)
            if isinstance(result, Exception):
                raise result
            return result(*args, **kwargs) if callable(result) else result

        monkeypatch.setattr(wiring, name, called)
        return calls

    return answer


Given = Callable[..., list[tuple[Any, ...]]]


def test_check_prints_the_plan(given: Given, plan_view: PlanView) -> None:
    calls = given("plan_view", plan_view)
    result = nasflow("check", "s.yaml")
    assert result.exit_code == 0
    assert "24 trials in 3 rounds" in result.output
    assert calls == [(Path("s.yaml"), {"probe": True})]
    nasflow("check", "--no-probe", "s.yaml")
    assert calls[1] == (Path("s.yaml"), {"probe": False})


def test_run_shows_progress_and_then_the_summary(
    given: Given, progress_view: ProgressView, summary_view: SummaryView
) -> None:
    seen: list[tuple[bool, str | None]] = []

    def run(config: Path, *, anew: bool, image: str | None, on_progress: Callable[[ProgressView], None]) -> SummaryView:
        seen.append((anew, image))
        on_progress(progress_view)
        return summary_view

    given("run_search", run)
    result = nasflow("run", "s.yaml")
    assert result.exit_code == 0
    assert result.output.index("trial 1/12") < result.output.index("Search digits finished")
    assert nasflow("run", "s.yaml", "--new").exit_code == 0
    assert nasflow("run", "s.yaml", "--runner", "docker").exit_code == 0
    assert nasflow("run", "s.yaml", "--runner", "docker", "--image", "mine:1").exit_code == 0
    assert seen == [(False, None), (True, None), (False, IMAGE), (False, "mine:1")]


def test_an_image_goes_with_containers_alone_and_has_a_name(given: Given) -> None:
    calls = given("run_search", None)
    told = nasflow("run", "s.yaml", "--image", "mine:1")
    assert told.exit_code == 2
    assert told.stderr == "nasflow: --image mine:1 is for containers: add --runner docker, or leave it out.\n"
    assert nasflow("run", "s.yaml", "--runner", "docker", "--image", "a b").exit_code == 2
    assert nasflow("run", "s.yaml", "--runner", "podman").exit_code == 2
    assert calls == []


@pytest.mark.parametrize(("error", "status"), [(HeldError("held by host a."), 3), (SearchError("all failed."), 1)])
def test_a_run_that_fails_says_why(given: Given, error: Exception, status: int) -> None:
    given("run_search", error)
    result = nasflow("run", "s.yaml")
    assert (result.exit_code, result.stderr) == (status, f"nasflow: {error}\n")


def test_compile_writes_beside_the_name_of_the_search(given: Given) -> None:
    asked = []

    def compiled(
        config: Path, target: Path, image: str, device_kind: str | None, *, store: str | None, refresh: bool
    ) -> list[str]:
        asked.append((image, device_kind, store, refresh))
        target.write_text("pipeline")
        return ["Every pod needs the store."]

    given("compile_pipeline", compiled)
    image = f"registry/nasflow@sha256:{'0' * 64}"
    result = nasflow("compile", "s.yaml", "--image", image, "--device-kind", "cpu-AVX2")
    assert result.exit_code == 0, result.output
    assert asked == [(image, "cpu-AVX2", None, False)]
    assert "Every pod needs the store." in result.output
    assert Path("digits-pipeline.yaml").read_text() == "pipeline"
    assert "Wrote digits-pipeline.yaml." in result.output
    again = nasflow("compile", "s.yaml")
    assert again.exit_code == 2
    assert "digits-pipeline.yaml exists already" in again.stderr
    tagged = ("--image", "registry/nasflow:1", "--allow-tag")
    assert nasflow("compile", "s.yaml", "--force", *tagged, "--store", "s3://b").exit_code == 0
    assert asked[-1] == ("registry/nasflow:1", None, "s3://b", False)
    assert nasflow("compile", "s.yaml", "--refresh", *tagged).exit_code == 0
    assert asked[-1] == ("registry/nasflow:1", None, None, True)
    assert Path("digits-refresh.yaml").exists()
    assert nasflow("compile", "s.yaml", "--out", "p.json").stderr.endswith("not 'p.json'; try 'p.yaml'.\n")


def test_status_of_all_and_of_one(given: Given, progress_view: ProgressView) -> None:
    all_calls = given("search_rows", [SearchRow("digits", "0123456789", "delivered", 24, 24, 0, "val_loss", 0.1)])
    one_calls = given("progress_view", progress_view)
    assert "delivered" in nasflow("status").output
    assert "searching" in nasflow("status", "digits", "--store", "mine").output
    assert all_calls == [(None,)]
    assert one_calls == [("digits", "mine")]


def test_show_lists_the_best_or_all_or_one(given: Given, board: LeaderboardView, trial_view: TrialView) -> None:
    boards = given("leaderboard_view", board)
    trials = given("trial_view", trial_view)
    assert "20 more trials" in nasflow("show", "s.yaml").output
    nasflow("show", "s.yaml", "--all")
    assert "Trial 7 of search digits" in nasflow("show", "s.yaml", "7").output
    assert boards == [("s.yaml", None, 10), ("s.yaml", None, None)]
    assert trials == [("s.yaml", None, "7")]


def test_report_is_written_once_and_never_over_something_else(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    given("report_html", ("digits", b"<html>1</html>"))
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    result = nasflow("report", "s.yaml")
    assert (result.exit_code, result.output) == (0, "The report is in digits-report.html.\n")
    assert Path("digits-report.html").read_bytes() == b"<html>1</html>"
    assert nasflow("report", "s.yaml", "--open").exit_code == 0
    assert opened == [Path("digits-report.html").resolve().as_uri()]
    given("report_html", ("digits", b"<html>2</html>"))
    assert nasflow("report", "s.yaml").exit_code == 2
    assert Path("digits-report.html").read_bytes() == b"<html>1</html>"
    assert nasflow("report", "s.yaml", "--force").exit_code == 0
    assert Path("digits-report.html").read_bytes() == b"<html>2</html>"


def test_report_goes_into_a_folder_or_a_new_one(given: Given) -> None:
    given("report_html", ("digits", b"x"))
    Path("out").mkdir()
    assert "out/digits-report.html" in nasflow("report", "digits", "--out", "out").output
    assert nasflow("report", "digits", "--out", "deep/er/r.html").exit_code == 0
    assert Path("deep/er/r.html").read_bytes() == b"x"


def test_gc_removes_only_when_told(given: Given) -> None:
    calls = given("garbage_view", lambda store, *, remove: GarbageView((("checkpoints", 2, 10),), remove))
    asked = nasflow("gc")
    assert "would be removed" in asked.output
    assert "nasflow gc --yes" in asked.output
    done = nasflow("gc", "--yes", "--store", "mine")
    assert "would" not in done.output
    assert "Nothing was removed yet" not in done.output
    assert calls == [(None, {"remove": False}), ("mine", {"remove": True})]


def test_schema_is_json() -> None:
    result = nasflow("schema")
    assert result.exit_code == 0
    assert json.loads(result.output)["title"] == "A nasflow search"


def test_an_unexpected_error_is_no_traceback(given: Given, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NASFLOW_DEBUG", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    given("plan_view", KeyError("x"))
    result = nasflow("check", "s.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("nasflow: this should not have happened: KeyError: 'x'.")
