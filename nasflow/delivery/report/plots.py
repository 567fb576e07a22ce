"""The charts of a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from nasflow.config.goals import is_share
from nasflow.delivery.report.charts import Axis, Series, chart
from nasflow.delivery.report.data import Curve, ReportData, TrialRow
from nasflow.delivery.report.wording import count, duration, figure, title

_STYLES = {
    "trial": ("thin", "all trials"),
    "search winner": ("winner", "winner"),
    "winner": ("winner", "winner"),
    "reference": ("reference", "reference"),
    "finalist": ("finalist", "other finalists"),
}


def search_curves(data: ReportData) -> str:
    """Return the learning curves of all trials of the search, the winner's on top."""
    return _curves(data, "Learning curves of the search", ("trial", "search winner"))


def final_curves(data: ReportData) -> str:
    """Return the learning curves of the full trainings."""
    return _curves(data, "Learning curves of the full trainings", ("finalist", "reference", "winner"))


def progress(data: ReportData) -> str:
    """Return each trial's value in the order proposed, and the best so far."""
    known = [row for row in data.trials if row.value is not None]
    best: list[float] = []
    for row in known:
        value = float(row.value or 0.0)
        better = max if data.direction == "maximize" else min
        best.append(better(best[-1], value) if best else value)
    xs, ys = [row.number for row in known], [float(row.value or 0.0) for row in known]
    notes = [
        f"trial {row.number} ({row.origin or 'proposed'}): {figure(data.objective, row.value)}, {row.architecture_id}"
        for row in known
    ]
    stepped_x = [x for n, x in enumerate(xs) for x in ([xs[n], xs[n + 1]] if n + 1 < len(xs) else [x])]
    stepped_y = [y for n, y in enumerate(best) for _ in range(2 if n + 1 < len(best) else 1)]
    series = [
        Series("trials", xs, ys, "dot", "trial", True, notes),
        Series("best so far", stepped_x, stepped_y, "winner", "best so far"),
    ]
    low = _low(ys, ys) if data.direction == "maximize" else None
    return chart("Search progress", series, Axis("trial", _whole, whole=True), _axis(data), low)


def trade_off(data: ReportData) -> str:
    """Return each trial's value over its parameters."""
    known = [row for row in data.trials if row.value is not None and row.parameters]
    dots = [row for row in known if row.architecture_id != data.winner.architecture_id]
    best = [row for row in known if row.architecture_id == data.winner.architecture_id]
    groups = (("trial", dots, "dot"), ("winner", best, "dot best"))
    series = [
        _dots(data, group, lambda row: float(row.parameters or 1), lambda row: f"with {row.parameters:,} parameters")
        for group in groups
    ]
    return _scattered("Size and quality", data, series, known, Axis("parameters", count, log=True))


def patience(data: ReportData) -> str:
    """Return each trial's value over the seconds that its training took."""
    known = [row for row in data.trials if row.value is not None and row.seconds > 0]
    best = [row for row in known if row.architecture_id == data.winner.architecture_id]
    groups = (("trial", known, "dot"), ("winner", best, "dot best"))
    series = [
        _dots(data, group, lambda row: row.seconds, lambda row: f"after {duration(row.seconds)}") for group in groups
    ]
    return _scattered("Time and quality", data, series, known, Axis("seconds of training", "{:.3g}".format, log=True))


def _dots(
    data: ReportData,
    group: tuple[str, list[TrialRow], str],
    place: Callable[[TrialRow], float],
    note: Callable[[TrialRow], str],
) -> Series:
    """Return a dot for each trial of a group, which has a label, rows and a style."""
    label, rows, style = group
    notes = [
        f"trial {row.number} ({row.architecture_id[:8]}): {figure(data.objective, row.value)} {note(row)}"
        for row in rows
    ]
    return Series(
        label, [place(row) for row in rows], [float(row.value or 0.0) for row in rows], style, label, True, notes
    )


def _scattered(title: str, data: ReportData, series: list[Series], known: list[TrialRow], across: Axis) -> str:
    ys = [float(row.value or 0.0) for row in known]
    return chart(title, series, across, _axis(data), _low(ys, ys) if data.direction == "maximize" else None)


def _curves(data: ReportData, name: str, kinds: Sequence[str]) -> str:
    chosen = sorted((c for c in data.curves if c.kind in kinds and c.values), key=lambda c: kinds.index(c.kind))
    series = [
        Series(c.label, c.epochs, c.values, style, legend) for c in chosen for style, legend in (_STYLES[c.kind],)
    ]
    low = None
    if data.direction == "maximize" and chosen:
        low = _low([_last(c) for c in chosen], [v for c in chosen for v in c.values])
    return chart(name, series, Axis("epoch", _whole, whole=True), _axis(data), low)


def _last(curve: Curve) -> float:
    return next((v for v in reversed(curve.values) if math.isfinite(v)), math.nan)


def _low(ends: Sequence[float], every: Sequence[float]) -> float | None:
    """Return where the axis starts so that the region where trials end fills most of it: first epochs are far below."""
    ends = sorted(v for v in ends if math.isfinite(v))
    every = [v for v in every if math.isfinite(v)]
    if not ends:
        return None
    typical = ends[len(ends) // 10]
    return max(min(every), typical - 1.0 * max(ends[-1] - typical, 0.02 * abs(ends[-1])))


def _axis(data: ReportData) -> Axis:
    if is_share(data.objective):
        return Axis(title(data.objective), lambda value: f"{100 * value:.4g} %")
    return Axis(title(data.objective), lambda value: f"{value:.4g}")


def _whole(value: float) -> str:
    return f"{value:,.0f}"
