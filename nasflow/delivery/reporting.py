"""The report of a search: its data put together from the store, and its page."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nasflow.delivery.final import confusion_matrix, test_probabilities
from nasflow.delivery.intervals import known_intervals
from nasflow.delivery.outcome import Outcome, Registration, Trained
from nasflow.delivery.report.answers import answered
from nasflow.delivery.report.data import Asked, Cost, Curve, Network, ReportData, TrialRow, Usage
from nasflow.delivery.report.importance import Seen, importance, latest
from nasflow.delivery.report.parts import FullTraining, Goal, Importance, MetricRow
from nasflow.delivery.report.render import render_report
from nasflow.delivery.report.rivals import runner_up
from nasflow.delivery.report.spending import Kind, spending
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.errors import IntegrityError
from nasflow.objectives import Objective, feasible, ranked
from nasflow.spaces import Bound, Choices, known_cost, load_family
from nasflow.tracking import tracking_target
from nasflow.trials import Entry, History, Status, TrialResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    probabilities = test_probabilities(records, outcome)
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
        metrics=tuple(_metrics(plan, records, outcome, probabilities)),
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
        goals=tuple(Goal(o.name, o.direction, o.bound.less_than, o.bound.more_than) for o in plan.objectives),
        importance=_importance(plan, history),
        runner_up=runner_up(plan, history, outcome),
        tested=answered(plan.bundle, probabilities[outcome.winner.trial.id], confusion_matrix(plan, records, outcome)),
    )


def model_file(records: SearchRecords) -> str:
    """Return where the winner's ONNX file is kept, as a path where the store is a folder."""
    return f"{records.store.url.removeprefix('file://')}/{records.folder}/model.onnx"


def bounded(name: str, bound: Bound) -> str:
    """Return a bound as a reader would say it."""
    return f"{name} {bound}" if str(bound) else name


def spoken(objective: Objective) -> str:
    """Return an objective with its direction and bounds."""
    limits = f", {objective.limits}" if objective.limits else ""
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
        hours=config.budget.hours,
        patience=config.final.patience,
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
        metrics=_told(plan, trained.result),
        training=FullTraining(len(trained.result.curve), trained.trial.fidelity.epochs),
    )


def _told(plan: Plan, result: TrialResult) -> dict[str, float]:
    """Return the values of the objectives, and by how many batches gradients were accumulated, as far as known."""
    names = [*(objective.name for objective in plan.objectives), "accumulation"]
    return {n: result.metrics[n] for n in names if n in result.metrics and math.isfinite(result.metrics[n])}


def _importance(plan: Plan, history: History) -> Importance:
    """Return which choices mattered among the networks that completed."""
    first, seen = plan.objectives[0], []
    for trial, result in ((entry.trial, entry.result) for entry in history):
        if result is None or result.status is not Status.COMPLETED:
            continue
        value = result.metrics.get(first.name, math.nan)
        if math.isfinite(value):
            training = trial.fidelity.epochs * trial.fidelity.data_fraction
            seen.append((trial.architecture.id, Seen(trial.architecture.choices, training, value)))
    return importance(latest(seen), first.direction, plan.config.seed)


def _metrics(
    plan: Plan, records: SearchRecords, outcome: Outcome, probabilities: Mapping[str, NDArray[np.float32]]
) -> Iterator[MetricRow]:
    """Yield each metric of the task with intervals; accuracy's are exact, the others' by bootstrap."""
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
    cost = known_cost(lambda: plan.cost(architecture))
    metrics = result.metrics if result else {}
    return TrialRow(
        number=number,
        architecture_id=architecture.id,
        origin=entry.trial.origin,
        status=str(result.status) if result else "open",
        cause=result.cause if result else "",
        value=metrics.get(plan.objectives[0].name),
        parameters=cost.parameters if cost is not None else None,
        flops=cost.flops if cost is not None else None,
        seconds=metrics.get("train_seconds", 0.0),
        choices=architecture.choices,
        metrics=_told(plan, result) if result else {},
        feasible=result is not None and feasible(plan.objectives, result),
    )


def _cost(plan: Plan, records: SearchRecords, history: History, outcome: Outcome) -> Cost:
    started_at = records.started_at
    results = [entry.result for entry in history if entry.result is not None]
    finals = {trial.id: result for trial, result in outcome.finalists}
    finals[outcome.reference.trial.id] = outcome.reference.result
    now = time.time()
    kinds: list[tuple[Kind, TrialResult]] = [("search", result) for result in results]
    reference = outcome.reference.trial.id
    kinds += [("reference" if name == reference else "finalists", result) for name, result in finals.items()]
    return Cost(
        wall_seconds=max(0.0, now - started_at),
        trial_seconds=sum(result.metrics.get("train_seconds", 0.0) for result in results),
        final_seconds=sum(result.metrics.get("train_seconds", 0.0) for result in finals.values()),
        epochs=sum(len(result.curve) for result in [*results, *finals.values()]),
        reused=sum(result.finished_at < started_at for result in results),
        device=plan.request.device_kind,
        parts=spending(kinds, started_at, now),
    )
