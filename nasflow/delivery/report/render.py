"""From the data of a report to its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from nasflow.delivery.report import plots, wording
from nasflow.delivery.report.data import ReportData, TrialRow
from nasflow.delivery.report.drawing import draw
from nasflow.delivery.report.snippets import snippets
from nasflow.passwords import without_login

if TYPE_CHECKING:
    from jinja2 import Template

_LEADERS = 20


def render_report(data: ReportData) -> str:
    """Return the report as one HTML page that loads nothing from anywhere.

    Args:
        data: What it says. Names in it may hold anything; they are escaped.
    """
    from markupsafe import Markup

    charts = [plots.search_curves(data), plots.final_curves(data), plots.progress(data), plots.trade_off(data)]
    return _template().render(
        data=data,
        verdict=verdict(data),
        charts=[Markup(svg) for svg in charts if svg],
        drawing=Markup(draw(data.graph, f"The winner, {data.winner.architecture_id}")),
        leaders=leaders(data),
        statuses=Counter(row.status for row in data.trials),
        failures=failures(data),
        grouped=grouped,
        limits=wording.limits,
        snippets=snippets(data),
        where=without_login(data.usage.tracking_uri),
        totals=[sum(counts[split] for counts in data.asked.class_counts.values()) for split in range(3)],
    )


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
    """Return the best trials of the search, best first, each architecture once."""
    known = [row for row in data.trials if row.value is not None and row.status == "completed"]
    known.sort(key=lambda row: (row.value or 0.0) * (-1 if data.direction == "maximize" else 1))
    once = {row.architecture_id: row for row in reversed(known)}
    return [row for row in known if once[row.architecture_id] is row][:_LEADERS]


def grouped(choices: Mapping[str, str | int | float | bool]) -> list[tuple[str, str]]:
    """Return choices in words, those with a common first part of their names together."""
    groups: dict[str, list[str]] = {}
    for name, value in choices.items():
        group, _, rest = name.rpartition(".")
        said = {True: rest, False: f"no {rest}"}[value] if isinstance(value, bool) else f"{rest} {value}"
        groups.setdefault(group, []).append(said.replace("_", " "))
    return [(group, ", ".join(said)) for group, said in sorted(groups.items())]


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
