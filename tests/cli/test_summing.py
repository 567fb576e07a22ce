"""What `nasflow run` says in the end, from a search that ran."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from typing import Any

import pytest

from nasflow.cli.summing import summary
from nasflow.pipelines.search.running import run_search


@pytest.fixture
def finished(in_process: Any) -> Any:
    """The end of a search that was delivered before: nothing runs."""
    site = in_process.site
    return run_search(site.config(), site.root)


def test_it_names_winner_metrics_and_verdict(finished: Any, in_process: Any) -> None:
    view = summary(in_process.site.root / "search.yaml", finished)
    outcome = in_process.outcome.delivery.outcome
    assert view.winner == outcome.winner.trial.architecture.id
    metrics = {name: (first, second) for name, first, second in view.metrics}
    assert metrics["test_accuracy"] == (
        outcome.winner.test_metrics["test_accuracy"],
        outcome.reference.test_metrics["test_accuracy"],
    )
    assert metrics["parameters"][0] == outcome.winner.result.metrics["parameters"]
    assert view.verdict
    assert view.repeated


def test_it_counts_the_trials(finished: Any, in_process: Any) -> None:
    view = summary(in_process.site.root / "search.yaml", finished)
    assert (view.trials, view.failed, view.rejected, view.reused) == (5, 0, 0, 0)
    assert view.seconds > 0


def test_the_registered_version_and_why(finished: Any, in_process: Any) -> None:
    view = summary(in_process.site.root / "search.yaml", finished)
    assert view.registered == "small version 1, alias champion"
    assert view.why == in_process.outcome.delivery.registration.why


def test_files_are_there_and_named_from_where_one_is(
    finished: Any, in_process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = in_process.site
    monkeypatch.chdir(site.root)
    files = dict(summary(site.root / "search.yaml", finished).files)
    assert files["report"].startswith("nasflow-store/")
    assert (site.root / files["report"]).exists()
    assert (site.root / files["ONNX model"]).exists()
    assert str(site.database) in files["MLflow"]
    monkeypatch.chdir(site.store_folder / "local")
    assert dict(summary(site.root / "search.yaml", finished).files)["report"].startswith("/")


def test_the_next_steps_are_commands(finished: Any, in_process: Any) -> None:
    steps = dict(summary(in_process.site.root / "search.yaml", finished).next_steps)
    assert len(steps) == 4
    for command in steps.values():
        assert shlex.split(command)
    assert f"MLFLOW_TRACKING_URI={shlex.quote(in_process.site.uri)}" in steps["Serve the model over HTTP"]
    assert "models:/small@champion" in steps["Serve the model over HTTP"]


def test_a_uri_that_is_set_is_not_repeated(finished: Any, in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", in_process.site.uri)
    steps = dict(summary(in_process.site.root / "search.yaml", finished).next_steps)
    assert not steps["Serve the model over HTTP"].startswith("MLFLOW_TRACKING_URI")


def test_a_path_with_a_blank_is_quoted(finished: Any, in_process: Any) -> None:
    steps = dict(summary(in_process.site.root / "my search.yaml", finished).next_steps)
    assert shlex.split(steps["See the trials"])[-1].endswith("my search.yaml")


def limited(finished: Any, **changes: Any) -> Any:
    """Return the end of the same search as if its budget had hours."""
    config = finished.plan.config
    budget = config.budget.model_copy(update={"hours": 0.5})
    final = config.final.model_copy(update={"epochs": 9})
    asked = config.model_copy(update={"budget": budget, "final": final})
    plan = replace(finished.plan, request=replace(finished.plan.request, config=asked), **changes)
    return replace(finished, plan=plan, delivery=replace(finished.delivery, repeated=False))


def test_why_it_ended_and_what_full_training_came_to(finished: Any, in_process: Any) -> None:
    ended = replace(finished.status, note="budget.hours (0.5) ended the search after 5 of 9 trials.")
    view = summary(in_process.site.root / "search.yaml", replace(limited(finished), status=ended))
    assert view.notes[0] == ended.note
    assert "Full training had 1 of 9 epochs, all that budget.hours (0.5) left time for" in view.notes[1]
    assert len(view.notes) == 2


def test_hours_that_were_not_enough_are_told(finished: Any, in_process: Any) -> None:
    late = limited(finished, deadline=time.time() - 100)
    (_, over) = summary(in_process.site.root / "search.yaml", late).notes
    assert over.startswith("It took 1 min 40 s longer than budget.hours (0.5)")
    early = limited(finished, deadline=time.time() + 100)
    assert len(summary(in_process.site.root / "search.yaml", early).notes) == 1
