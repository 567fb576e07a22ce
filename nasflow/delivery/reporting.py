"""The report of a search: its data put together from the store, and its page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from nasflow.delivery.final import test_probabilities
from nasflow.delivery.intervals import known_intervals
from nasflow.delivery.outcome import Outcome, Registration, Trained
from nasflow.delivery.report.data import Asked, Cost, Curve, MetricRow, Network, ReportData, TrialRow, Usage
from nasflow.delivery.report.render import render_report
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.errors import IntegrityError
from nasflow.objectives import Objective, ranked
from nasflow.spaces import Bound, Choices, load_family
from nasflow.tracking import tracking_target
from nasflow.trials import Entry, History, TrialResult


def write_report(plan: Plan, records: SearchRecords, outcome: Outcome, target: Path) -> None:
    """Write the report of a search as one HTML file.

    Args:
        plan: The search.
        records: Its part of the store.
        outcome: What it found.
        target: The file.
    """
    data = report_data(plan, records, outcome)
    records.write("report", data.to_json())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render_report(data), encoding="utf-8")


def report_page(records: SearchRecords, registration: Registration) -> str:
    """Return the page of a report that was written before, with the registration in it.

    Raises:
        IntegrityError: No report was written, or its data are damaged.
    """
    document = records.read("report")
    if document is None:
        raise IntegrityError(f"the data of the report of search {records.search_id} are gone; run the search again.")
    return render_report(replace(ReportData.from_json(document), registration=registration))


def report_data(plan: Plan, records: SearchRecords, outcome: Outcome) -> ReportData:
    """Return all that the report of a search says."""
    history = records.history()
    first = plan.objectives[0]
    winner = outcome.winner.trial.architecture
    searched = next(e.trial.architecture for e in history if e.trial.architecture == winner)
    return ReportData(
        name=plan.config.name,
        search_id=plan.search_id,
        created=time.strftime("%Y-%m-%d %H:%M"),
        version=version("nasflow"),
        asked=_asked(plan),
        objective=first.name,
        direction=first.direction,
        winner=_network(plan, outcome.winner, searched.choices),
        reference=_network(plan, outcome.reference, {}),
        metrics=tuple(_metrics(plan, records, outcome)),
        curves=tuple(_curves(plan, history, outcome)),
        trials=tuple(_row(plan, number, entry) for number, entry in enumerate(history, 1)),
        graph=load_family(winner.family).graph(winner.form),
        cost=_cost(plan, records, history, outcome),
        usage=Usage(
            model=plan.config.model_name if plan.config.registry.enabled else None,
            onnx=model_file(records),
            tracking_uri=tracking_target(plan.config, records.store).shown,
            classes=plan.bundle.classes,
        ),
        reference_failure=outcome.reference_failure,
    )


def model_file(records: SearchRecords) -> str:
    """Return where the winner's ONNX file is kept, as a path where the store is a folder."""
    return f"{records.store.url.removeprefix('file://')}/{records.folder}/model.onnx"


def bounded(name: str, bound: Bound) -> str:
    """Return a bound as a reader would say it."""
    return f"{name} {bound}" if str(bound) else name


def spoken(objective: Objective) -> str:
    """Return an objective with its direction and bounds."""
    limits = f", {objective.bound}" if str(objective.bound) else ""
    return f"{objective.direction} {objective.name}{limits}"


def _asked(plan: Plan) -> Asked:
    config, bundle = plan.config, plan.bundle
    by_class = zip(*(bundle.class_counts[split] for split in ("train", "val", "test")), strict=True)
    return Asked(
        task=config.task.name,
        source=config.data.source,
        size=bundle.size,
        channels=bundle.channels,
        class_counts=dict(zip(bundle.classes, by_class, strict=True)),
        skipped=bundle.skipped,
        dropped={str(split): count for split, count in bundle.dropped.items()},
        family=plan.space.family,
        space_size=plan.space.size,
        constraints=tuple(bounded(name, bound) for name, bound in plan.space.constraints.items()),
        strategy=config.strategy.name,
        objectives=tuple(spoken(objective) for objective in plan.objectives),
        trials=config.budget.trials,
        epochs=config.fidelity.epochs,
        final_epochs=config.final_epochs,
        candidates=config.final.candidates,
        seed=config.seed,
    )


def _network(plan: Plan, trained: Trained, choices: Choices) -> Network:
    cost = plan.cost(trained.trial.architecture)
    return Network(
        architecture_id=trained.trial.architecture.id,
        family=trained.trial.architecture.family,
        choices=choices,
        parameters=cost.parameters,
        flops=cost.flops,
        train_seconds=trained.result.metrics.get("train_seconds", 0.0),
    )


def _metrics(plan: Plan, records: SearchRecords, outcome: Outcome) -> Iterator[MetricRow]:
    """Yield each metric of the task with intervals; accuracy's are exact, the others' by bootstrap."""
    probabilities = test_probabilities(records, outcome)
    found = {name: known_intervals(plan, records, name, answers) for name, answers in probabilities.items()}
    winner, reference = (found.get(trained.trial.id, {}) for trained in (outcome.winner, outcome.reference))
    for place, metric in enumerate(plan.task.metrics):
        comparison = outcome.comparison if place == 0 else None
        yield MetricRow(metric.name, metric.direction, winner[metric.name], reference.get(metric.name), comparison)


def _curves(plan: Plan, history: History, outcome: Outcome) -> Iterator[Curve]:
    name = plan.objectives[0].name
    best = ranked(plan.objectives, history)
    winner = outcome.winner.trial.architecture
    for number, entry in enumerate(history, 1):
        if entry.result is not None and entry.result.curve:
            kind = "search winner" if entry.trial.architecture == winner and best else "trial"
            yield _curve(f"trial {number}", kind, name, entry.result)
    for place, (trial, result) in enumerate(outcome.finalists, 1):
        if result.curve and trial.id != outcome.winner.trial.id:
            yield _curve(f"finalist {place}", "finalist", name, result)
    yield _curve("winner", "winner", name, outcome.winner.result)
    yield _curve("reference", "reference", name, outcome.reference.result)


def _curve(label: str, kind: str, name: str, result: TrialResult) -> Curve:
    points = [point for point in result.curve if name in point.metrics]
    epochs = tuple(point.epoch for point in points)
    return Curve(label, kind, epochs, tuple(point.metrics[name] for point in points))  # type: ignore[arg-type]


def _row(plan: Plan, number: int, entry: Entry) -> TrialRow:
    architecture, result = entry.trial.architecture, entry.result
    cost = plan.cost(architecture)
    metrics = result.metrics if result else {}
    return TrialRow(
        number=number,
        architecture_id=architecture.id,
        origin=entry.trial.origin,
        status=str(result.status) if result else "open",
        cause=result.cause if result else "",
        value=metrics.get(plan.objectives[0].name),
        parameters=cost.parameters,
        flops=cost.flops,
        seconds=metrics.get("train_seconds", 0.0),
        choices=architecture.choices,
    )


def _cost(plan: Plan, records: SearchRecords, history: History, outcome: Outcome) -> Cost:
    started_at = records.started_at
    results = [entry.result for entry in history if entry.result is not None]
    finals = {trial.id: result for trial, result in outcome.finalists}
    finals[outcome.reference.trial.id] = outcome.reference.result
    return Cost(
        wall_seconds=max(0.0, time.time() - started_at),
        trial_seconds=sum(result.metrics.get("train_seconds", 0.0) for result in results),
        final_seconds=sum(result.metrics.get("train_seconds", 0.0) for result in finals.values()),
        epochs=sum(len(result.curve) for result in [*results, *finals.values()]),
        reused=sum(result.finished_at < started_at for result in results),
        device=plan.request.device_kind,
    )
