"""The best trials of a search as a small page, for KFP's UI."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nasflow.delivery.report import wording
from nasflow.objectives import Objective, ranked
from nasflow.trials import History

_ROWS = 20


def leaderboard_page(objectives: Sequence[Objective], history: History) -> str:
    """Return an HTML page with the best trials, best first.

    Args:
        objectives: What makes a network good; a column each.
        history: The search.
    """
    names = [objective.name for objective in objectives]
    head = "".join(f"<th>{escape(wording.title(name))}</th>" for name in names)
    rows = []
    for place, entry in enumerate(ranked(objectives, history)[:_ROWS], 1):
        metrics = entry.result.metrics if entry.result else {}
        values = "".join(f"<td>{escape(wording.figure(name, metrics.get(name)))}</td>" for name in names)
        choices = ", ".join(f"{name} {value}" for name, value in entry.trial.architecture.choices.items())
        rows.append(
            f"<tr><td>{place}</td>{values}<td><code>{entry.trial.architecture.id}</code></td>"
            f"<td>{escape(entry.trial.origin)}</td><td>{escape(choices)}</td></tr>"
        )
    failed = len(history.failed)
    return (
        "<!doctype html><meta charset=utf-8><title>Leaderboard</title>"
        "<style>body{font:14px system-ui;margin:1rem}table{border-collapse:collapse}"
        "td,th{padding:.3rem .6rem;border-bottom:1px solid #ccc;text-align:left}</style>"
        f"<h1>Leaderboard</h1><p>{len(history)} trials, {failed} failed.</p>"
        f"<table><tr><th>#</th>{head}<th>Architecture</th><th>Origin</th><th>Choices</th></tr>{''.join(rows)}</table>"
    )
