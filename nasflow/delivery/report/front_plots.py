"""The Pareto front drawn twice: as pictures that need nothing, and as a figure of plotly's to explore."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

from nasflow.config.goals import is_share
from nasflow.delivery.report import wording
from nasflow.delivery.report.charts import Axis, Series, chart
from nasflow.delivery.report.data import ReportData, TrialRow
from nasflow.delivery.report.front import Front
from nasflow.delivery.report.parts import Goal

_LOG_FROM = 8.0
"""An axis is logarithmic where its largest value is this many times its smallest."""


@dataclass(frozen=True)
class Group:
    """Points drawn alike: what the legend says, the style, and for each point its values, its note and its network."""

    legend: str
    style: str
    points: tuple[tuple[dict[str, float], str, str], ...]


def groups(data: ReportData, found: Front) -> list[Group]:
    """Return the points of the front's pictures, later ones on top."""
    winner = data.winner.architecture_id
    every = [*found.best, *found.beaten, *found.outside]
    rest = (("outside the bounds", "outside", found.outside), ("beaten", "dot", found.beaten))
    drawn = [
        Group(legend, style, tuple(_point(data, row) for row in rows if row.architecture_id != winner))
        for legend, style, rows in (*rest, ("front", "front", found.best))
    ]
    drawn.append(Group("winner", "best", tuple(_point(data, row) for row in every if row.architecture_id == winner)))
    names = [goal.name for goal in data.goals]
    if "train_seconds" not in names:  # a full training takes longer whatever the network
        for label, network in (("winner, fully trained", data.winner), ("reference, fully trained", data.reference)):
            if all(math.isfinite(network.metrics.get(name, math.nan)) for name in names):
                note = [label, *(f"{wording.title(n)} {wording.figure(n, network.metrics[n])}" for n in names)]
                style = "full" if network is data.winner else "full-reference"
                point = (dict(network.metrics), "\n".join(note), network.architecture_id)
                drawn.append(Group(label, style, (point,)))
    return [group for group in drawn if group.points]


def _point(data: ReportData, row: TrialRow) -> tuple[dict[str, float], str, str]:
    values = [f"{wording.title(goal.name)} {wording.figure(goal.name, row.metrics[goal.name])}" for goal in data.goals]
    made = [f"{group}: {said}" if group else said for group, said in wording.grouped(row.choices)]
    note = "\n".join([f"trial {row.number}, {row.architecture_id[:8]}", *values, *made])
    return dict(row.metrics), note, row.architecture_id


def pictures(data: ReportData, found: Front) -> list[str]:
    """Return the deciding objective over each other one, as SVG."""
    drawn, first = groups(data, found), data.goals[0]
    return [_picture(data, drawn, found, first, other) for other in data.goals[1:]]


def _picture(data: ReportData, drawn: Sequence[Group], found: Front, first: Goal, other: Goal) -> str:
    series = []
    if len(data.goals) == 2 and len(found.best) > 1:
        steps = _steps([(row.metrics[other.name], row.metrics[first.name]) for row in found.best])
        series.append(Series("front", [x for x, _ in steps], [y for _, y in steps], "front"))
    for group in drawn:
        xs, ys = ([values[goal.name] for values, _, _ in group.points] for goal in (other, first))
        notes = [note for _, note, _ in group.points]
        series.append(Series(group.legend, xs, ys, group.style, group.legend, True, notes))
    every = [values[other.name] for group in drawn for values, _, _ in group.points]
    title = f"{wording.title(first.name)} and {wording.title(other.name)[:1].lower()}{wording.title(other.name)[1:]}"
    across = Axis(_label(other), lambda value: wording.tick(other.name, value), log=_log(other, every))
    return chart(title, series, across, Axis(_label(first), lambda value: wording.tick(first.name, value)))


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the front as stairs: what is reached stays reached until the next point."""
    points = sorted(points)
    stairs = [(x, y) for (x0, y0), (x1, _) in pairwise(points) for x, y in ((x0, y0), (x1, y0))]
    return [*stairs, points[-1]]


def _label(goal: Goal) -> str:
    return f"{wording.title(goal.name)} ({'more' if goal.direction == 'maximize' else 'less'} is better)"


def _log(goal: Goal, values: Sequence[float]) -> bool:
    """Whether an axis is logarithmic; a share's never is, since what sets networks apart lies near its end."""
    return not is_share(goal.name) and min(values) > 0 and max(values) / min(values) >= _LOG_FROM


_MARKERS: dict[str, dict[str, Any]] = {
    "outside": {"symbol": "circle-open", "size": 8, "color": "var(--thin)"},
    "dot": {"symbol": "circle", "size": 8, "color": "var(--thin)"},
    "front": {"symbol": "circle", "size": 10, "color": "var(--good)"},
    "best": {"symbol": "star", "size": 15, "color": "var(--winner)"},
    "full": {"symbol": "star-open", "size": 14, "color": "var(--winner)"},
    "full-reference": {"symbol": "diamond-open", "size": 11, "color": "var(--reference)"},
}


def figure(data: ReportData, found: Front) -> dict[str, Any]:
    """Return a figure of plotly's; colours are names of the style sheet, which the page puts in their place."""
    drawn, first, others = groups(data, found), data.goals[0], data.goals[1:]
    traces: list[dict[str, Any]] = []
    lined = len(others) == 1 and len(found.best) > 1
    if lined:
        steps = _steps([(row.metrics[others[0].name], row.metrics[first.name]) for row in found.best])
        line = {"color": "var(--good)", "width": 1.5}
        traces.append(
            {"mode": "lines", "x": [x for x, _ in steps], "y": [y for _, y in steps], "line": line}
            | {"hoverinfo": "skip", "showlegend": False}
        )
    for group in drawn:
        traces.append(
            {
                "mode": "markers",
                "name": group.legend,
                "x": [values[others[0].name] for values, _, _ in group.points],
                "y": [values[first.name] for values, _, _ in group.points],
                "text": [escape(note).replace("\n", "<br>") for _, note, _ in group.points],
                "customdata": [name for _, _, name in group.points],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": _MARKERS[group.style],
            }
        )
    layout: dict[str, Any] = {"xaxis": _axis(others[0], drawn), "yaxis": _axis(first, drawn)}
    if len(others) > 1:
        layout["updatemenus"] = [
            {"buttons": [_button(goal, drawn) for goal in others], "x": 0, "y": 1.14, "xanchor": "left"}
        ]
    return {"data": traces, "layout": layout}


def _axis(goal: Goal, drawn: Sequence[Group]) -> dict[str, Any]:
    values = [point[goal.name] for group in drawn for point, _, _ in group.points]
    axis: dict[str, Any] = {
        "title": {"text": escape(_label(goal)), "font": {"size": 13}},
        "type": "log" if _log(goal, values) else "linear",
    }
    if is_share(goal.name):
        axis |= {"tickformat": ".1~%"}
    elif axis["type"] == "log":
        axis |= {"tickformat": ".2~s", "dtick": "D2" if max(values) / min(values) < 100 else "D1"}
    return axis


def _button(goal: Goal, drawn: Sequence[Group]) -> dict[str, Any]:
    """Return a menu's entry that puts another objective on the x axis."""
    xs = [[values[goal.name] for values, _, _ in group.points] for group in drawn]
    axis = _axis(goal, drawn)
    change = {"xaxis.title.text": axis["title"]["text"], "xaxis.type": axis["type"], "xaxis.autorange": True}
    change["xaxis.tickformat"] = axis.get("tickformat", "")
    return {"label": escape(wording.title(goal.name)), "method": "update", "args": [{"x": xs}, change]}
