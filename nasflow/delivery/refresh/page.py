"""A refresh as a page of Markdown, which MLflow and Kubeflow show."""

from __future__ import annotations

from nasflow.delivery.outcome import Registration
from nasflow.delivery.refresh.drift import shown
from nasflow.delivery.refresh.start import Start
from nasflow.delivery.statistics import Comparison, spoken_p


def page(start: Start, registration: Registration, search_id: str) -> str:
    """Return the page.

    Args:
        start: How things stood before.
        registration: The new version, and why it has its alias.
        search_id: The search that found it.
    """
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts(start, registration, search_id))
    return f"# Refresh of {start.model}\n\n{start.sentence()}\n\n**{registration.why}**\n\n| | |\n|---|---|\n{rows}\n"


def facts(start: Start, registration: Registration, search_id: str = "") -> list[tuple[str, str]]:
    """Return names and values of all that is known of a refresh, for a table.

    Args:
        start: How things stood before.
        registration: The new version, and why it has its alias.
        search_id: The search that found it; left out where empty.
    """
    found = [("data", start.data[:12] + (f", before {start.before[:12]}" if start.before else ""))]
    if start.champion is not None:
        found.append(("champion before", f"version {start.champion}"))
    if start.drift is not None:
        found.append((f"its {start.drift.metric} now", f"{shown(start.drift.now)}, new validation samples"))
        if start.drift.then is not None and start.drift.gain is not None:
            found.append(("when registered", f"{shown(start.drift.then)}, test samples of then"))
            gain = start.drift.gain
            told = "drifted" if start.drift.noticed else "no drift beyond chance"
            found.append(("change", f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}): {told}"))
    done = {
        "search": "searched again" if start.champion is not None else "searched",
        "retrain": "its architecture trained again",
    }[start.mode]
    if start.mode == "search" and start.architectures:
        done += f", beginning with {len(start.architectures)} architectures of its history"
    found.append(("done", done))
    found.append(("new version", f"version {registration.version}, {registration.alias}"))
    if registration.comparison is not None:
        found += _compared(registration.comparison, registration)
    return [*found, *([("search", search_id)] if search_id else [])]


def _compared(comparison: Comparison, registration: Registration) -> list[tuple[str, str]]:
    counted = f"; {comparison.wins:,} won, {comparison.losses:,} lost" if comparison.wins >= 0 else ""
    return [
        (
            "difference",
            f"{comparison.difference:+.4f} ± {comparison.standard_error:.4f} on {comparison.samples:,} test samples, "
            f"none of them in either's training{counted}",
        ),
        ("test", f"{comparison.test}, one-sided p {spoken_p(comparison.p_value)}"),
        ("asked for", f"margin {registration.margin:g}, p below {registration.level:g}"),
    ]
