"""What `nasflow run` says in the end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from pathlib import Path

from nasflow.cli import showing
from nasflow.cli.text import duration
from nasflow.cli.views import SummaryView
from nasflow.delivery.delivering import Delivery
from nasflow.engine.runs import worked_seconds
from nasflow.pipelines.search.running import Finished
from nasflow.tracking import tracking_target
from nasflow.trials import TrialResult

_TOLERATED_SECONDS = 20.0


def summary(path: Path, finished: Finished) -> SummaryView:
    """Return what came of a search, and what to do next.

    Args:
        path: The search's YAML file.
        finished: The search.
    """
    plan, records, status, delivery = finished.plan, finished.records, finished.status, finished.delivery
    started_at = records.started_at
    results = [entry.result for entry in status.history if entry.result is not None]
    registration = delivery.registration
    return SummaryView(
        name=plan.config.name,
        winner=delivery.outcome.winner.trial.architecture.id,
        metrics=tuple(_metrics(finished)),
        verdict=delivery.outcome.verdict,
        trials=status.finished,
        failed=showing.failed(status),
        rejected=showing.rejected(status),
        reused=sum(result.finished_at < started_at for result in results),
        seconds=worked_seconds(records, _all_results(finished), time.time()),
        registered=f"{registration.name} version {registration.version}, alias {registration.alias}"
        if registration
        else "",
        why=registration.why if registration else "",
        files=_files(finished),
        next_steps=tuple(_next_steps(path, finished, delivery)),
        repeated=delivery.repeated,
        notes=tuple(_notes(finished)),
    )


def _all_results(finished: Finished) -> list[TrialResult]:
    outcome, history = finished.delivery.outcome, finished.status.history
    finals = [outcome.reference.result, *(result for _, result in outcome.finalists)]
    return [*(entry.result for entry in history if entry.result is not None), *finals]


def _notes(finished: Finished) -> list[str]:
    """Return why the search ended early, what full training came to, and what happened to the data on the way."""
    bundle, config = finished.plan.bundle, finished.plan.config
    notes = [note for note in (finished.status.note, finished.delivery.untracked) if note]
    winner = finished.delivery.outcome.winner
    if winner.trial.fidelity.epochs < config.final_epochs:
        notes.append(
            f"Full training had {winner.trial.fidelity.epochs} of {config.final_epochs} epochs, all that budget.hours "
            f"({config.budget.hours:g}) left time for; raise it and run again for a longer one."
        )
    deadline, now = finished.plan.deadline, time.time()
    if deadline is not None and now > deadline + _TOLERATED_SECONDS and not finished.delivery.repeated:
        notes.append(
            f"It took {duration(now - deadline)} longer than budget.hours ({config.budget.hours:g}): data, an epoch "
            f"of full training and the delivery need that much."
        )
    if bundle.skipped:
        first = next(iter(bundle.skipped))
        notes.append(
            f"Left out: {len(bundle.skipped)} files that are no readable images, '{first}' the first; the report names "
            f"them."
        )
    twice = sum(bundle.dropped.values())
    if twice:
        notes.append(f"Left out: {twice} training or validation images that a later split has as well.")
    return notes


def _metrics(finished: Finished) -> list[tuple[str, float | None, float | None]]:
    outcome, plan = finished.delivery.outcome, finished.plan
    both = (outcome.winner, outcome.reference)
    names = [f"test_{metric.name}" for metric in plan.task.metrics] + [f"val_{plan.task.metrics[0].name}"]
    rows: list[tuple[str, float | None, float | None]] = []
    measured = [objective.name for objective in plan.objectives if objective.measured]
    for name in [*names, "parameters", "flops", *measured, "train_seconds"]:
        first, second = ({**_known(t.result), **t.test_metrics}.get(name) for t in both)
        rows.append((name, first, second))
    return rows


def _known(result: TrialResult) -> dict[str, float]:
    return dict(result.metrics)


def _files(finished: Finished) -> tuple[tuple[str, str], ...]:
    delivery = finished.delivery
    target = tracking_target(finished.plan.config, finished.records.store)
    return (("report", _shown(delivery.report)), ("ONNX model", _shown(delivery.model)), ("MLflow", target.shown))


def _shown(path: Path) -> str:
    """Return a path relative to the current folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _next_steps(path: Path, finished: Finished, delivery: Delivery) -> list[tuple[str, str]]:
    nasflow = _program("nasflow")
    steps = [
        ("Read the report", f"{nasflow} report {shlex.quote(str(path))}"),
        ("See the trials", f"{nasflow} show {shlex.quote(str(path))}"),
        ("Browse the runs in MLflow", f"{nasflow} ui {shlex.quote(str(path))}"),
    ]
    if delivery.registration is not None:
        uri = tracking_target(finished.plan.config, finished.records.store).uri
        given = "" if os.environ.get("MLFLOW_TRACKING_URI") == uri else f"MLFLOW_TRACKING_URI={shlex.quote(uri)} "
        # MLflow's server looks for uvicorn on PATH.
        search_path = "" if shutil.which("uvicorn") else f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH "
        serve = f"{_program('mlflow')} models serve --env-manager local -p 5001 -m {delivery.registration.uri}"
        steps.append(("Serve the model over HTTP", search_path + given + serve))
    return steps


def _program(name: str) -> str:
    """Return how the user calls a program: by name where it is on PATH, else by its path beside this Python."""
    beside = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if found and Path(found).resolve() == beside.resolve():
        return name
    return shlex.quote(_shown(beside))
