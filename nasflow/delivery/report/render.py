"""From the data of a report to its page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from nasflow.delivery.report import front_plots, lengths, plots, presenting, wording
from nasflow.delivery.report.data import ReportData, TrialRow
from nasflow.delivery.report.drawing import draw
from nasflow.delivery.report.front import front
from nasflow.delivery.report.interactive import interactive
from nasflow.delivery.report.snippets import snippets
from nasflow.passwords import without_login

if TYPE_CHECKING:
    from jinja2 import Template

_LEADERS = 20
_SHOWN_ANYWAY = ("parameters", "flops", "train_seconds")


def render_report(data: ReportData) -> str:
    """Return the report as one HTML page that loads nothing from anywhere.

    Args:
        data: What it says. Names in it may hold anything; they are escaped.
    """
    from markupsafe import Markup

    charts = [plots.search_curves(data), plots.final_curves(data), plots.progress(data)]
    charts += [] if len(data.goals) > 1 else [plots.trade_off(data)]
    charts += [plots.patience(data)]
    return _template().render(
        data=data,
        verdict=verdict(data),
        charts=[Markup(svg) for svg in charts if svg],
        drawing=Markup(draw(data.graph, f"The winner, {data.winner.architecture_id}")),
        leaders=leaders(data),
        statuses=Counter(row.status for row in data.trials),
        failures=failures(data),
        grouped=wording.grouped,
        limits=wording.limits,
        more_goals=[g.name for g in data.goals[1:] if g.name not in _SHOWN_ANYWAY],
        presenting=presenting,
        lengths=lengths,
        **_front(data),
        snippets=snippets(data),
        where=without_login(data.usage.tracking_uri),
        totals=[sum(counts[split] for counts in data.asked.class_counts.values()) for split in range(3)],
    )


def _front(data: ReportData) -> dict[str, Any]:
    """Return what the page says of the Pareto front: nothing where there is one objective, or no trial with values."""
    from markupsafe import Markup

    found = front(data)
    if found is None:
        return {"front": None, "plot": None}
    pictures = [Markup(svg) for svg in front_plots.pictures(data, found) if svg]
    return {"front": found, "pictures": pictures, "plot": interactive(front_plots.figure(data, found))}


def verdict(data: ReportData) -> str:
    """Return what was found, in one sentence."""
    row = data.metrics[0]
    smaller = data.reference.parameters / max(1, data.winner.parameters)
    size = (
        f"with {smaller:.1f} times fewer parameters"
        if smaller >= 1.05
        else f"with {1 / smaller:.1f} times the parameters"
        if smaller <= 0.95
        else "with as many parameters"
    )
    reached = f"The winner reaches {wording.figure(row.name, row.winner.value)} test {wording.title(row.name).lower()}"
    if row.reference is None:
        return f"{reached}. There is nothing to compare it with, since the reference network could not be trained."
    other = wording.figure(row.name, row.reference.value)
    against = f"the reference network has {other}"
    if row.comparison is None:
        return f"{reached} {size}; {against}."
    if row.comparison.better():
        return f"{reached} {size} and beats the reference network, which has {other}, beyond reasonable doubt."
    return f"{reached} {size}; {against}, a difference that chance may explain."


def leaders(data: ReportData) -> list[TrialRow]:
    """Return the best trials of the search within the bounds, best first, each architecture once."""
    known = [row for row in data.trials if row.value is not None and row.status == "completed" and row.feasible]
    known.sort(key=lambda row: _losses(data, row))
    once = {row.architecture_id: row for row in reversed(known)}
    return [row for row in known if once[row.architecture_id] is row][:_LEADERS]


def _losses(data: ReportData, row: TrialRow) -> tuple[float, ...]:
    """Return what the rows are ordered by: the deciding objective, and ties by the others, unknown ones last."""
    first = (row.value or 0.0) * (-1 if data.direction == "maximize" else 1)
    rest = [(row.metrics.get(g.name), -1 if g.direction == "maximize" else 1) for g in data.goals[1:]]
    return (first, *(math.inf if value is None else value * sign for value, sign in rest))


def failures(data: ReportData) -> list[tuple[str, str, int]]:
    """Return status, cause and number of the trials that failed or were rejected, the most frequent first."""
    counted = Counter(
        (row.status.replace("_", " "), row.cause or "no cause recorded")
        for row in data.trials
        if row.status not in ("completed", "open")
    )
    return [(status, cause, number) for (status, cause), number in counted.most_common()]


def _swapped(word: Callable[[str, float], str], value: float, name: str) -> str:
    return word(name, value)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nasflow.delivery.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("title", "count", "whole", "duration", "plural", "choice"):
        environment.filters[f"as_{name}"] = getattr(wording, name)
    for name in ("figure", "change", "spread"):
        environment.filters[f"{name}_of"] = partial(_swapped, getattr(wording, name))
    return environment.get_template("report.html.j2")
