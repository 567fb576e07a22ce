"""Bringing a trial's run up to date: what is missing is written, in as few requests as can be."""

from __future__ import annotations

from collections.abc import Mapping

from nasflow.tracking.client import explained
from nasflow.tracking.records import (
    MetricRow,
    Note,
    milliseconds,
    place,
    point_rows,
    result_digest,
    result_rows,
    result_tags,
    run_status,
    trial_params,
)
from nasflow.tracking.runs import KnownRun, Runs

_METRICS_AT_ONCE = 700
_PARAMS_AT_ONCE = 100


def write(runs: Runs, note: Note) -> bool:
    """Bring the run of a trial up to what is known of it; return whether something was missing.

    Raises:
        TrackingError: MLflow cannot be used.
        StorageError: The store cannot be used.
    """
    run = runs.child(note)
    with explained(runs.connection.target):
        if note.result and _holds_something_else(runs, run, note):
            runs.discard(run)
            run = runs.child(note)
        return _send(runs, run, note)


def end_others(runs: Runs, keep: set[str], at: float) -> None:
    """End the children that are under way but whose trials are not among `keep`: nobody will.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    with explained(runs.connection.target):
        for run in runs.children:
            if not run.ended and run.tags.get("nasflow.trial_id") not in keep:
                runs.client.set_terminated(run.id, "KILLED", milliseconds(at))
                run.ended = True


def _holds_something_else(runs: Runs, run: KnownRun, note: Note) -> bool:
    """Whether the run has points or a result of another training than the one that the result is of.

    That is so where a result or a checkpoint was lost and the trial trained anew, with other times.
    """
    result = note.result
    if result is None or run.tags.get("nasflow.result") == result_digest(result):
        return False
    if "nasflow.result" in run.tags:
        return True
    if not run.complete:
        names = [rows[0] for rows in point_rows(result.curve)] or sorted(run.metrics)
        asked = next((name for name in names if name in run.metrics), None)
        history = runs.client.get_metric_history(run.id, asked) if asked else []
        run.places = {(metric.step, metric.timestamp) for metric in history}
        run.complete = True
    return not run.places <= {place(point) for point in result.curve}


def _send(runs: Runs, run: KnownRun, note: Note) -> bool:
    result = note.result
    if result and run.ended and run.tags.get("nasflow.result") == result_digest(result):
        return False
    if run.ended:  # it goes on
        runs.client.update_run(run.id, status="RUNNING")
        run.ended = False
    points = [point for point in note.curve if place(point) not in run.places]
    rows = point_rows(points) + (result_rows(result) if result else [])
    params = {} if run.params else trial_params(note.trial)
    tags: dict[str, str] = {"nasflow.kind": note.kind} if run.kind != note.kind else {}
    if result:
        tags |= result_tags(result, note.reused)
    if rows or params or tags:
        _log(runs, run.id, rows, params, tags)
    run.params |= set(params)
    run.tags |= tags
    run.metrics |= {row[0]: row[1] for row in rows}
    run.places |= {place(point) for point in points}
    if result:
        runs.client.set_terminated(run.id, run_status(result.status), milliseconds(result.finished_at))
        run.ended = True
    return True


def _log(runs: Runs, run_id: str, rows: list[MetricRow], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Send everything, the tags with the last part: a run that says what it holds does hold it."""
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(name, value, stamp, step) for name, value, stamp, step in rows]
    texts = [Param(key, value) for key, value in params.items()]
    while len(metrics) > _METRICS_AT_ONCE or len(texts) > _PARAMS_AT_ONCE:
        runs.client.log_batch(run_id, metrics[:_METRICS_AT_ONCE], texts[:_PARAMS_AT_ONCE], synchronous=True)
        metrics, texts = metrics[_METRICS_AT_ONCE:], texts[_PARAMS_AT_ONCE:]
    runs.client.log_batch(run_id, metrics, texts, [RunTag(key, value) for key, value in tags.items()], synchronous=True)
