"""Where the time went, told from the times that trainings recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Literal

from nasflow.delivery.report.parts import Spent
from nasflow.trials import TrialResult

Kind = Literal["search", "finalists", "reference"]

IDLE_AFTER = 120.0
"""Seconds without any training after which nothing is taken to be going on: the steps between trainings are shorter."""

DELIVERY_WITHIN = 600.0
"""Seconds after the last training within which a report is taken to have been written in the same run."""

_LABELS = {
    "search": "Training the trials of the search",
    "finalists": "Training the finalists in full",
    "reference": "Training the reference in full",
    "between": "Between trainings: proposing, starting workers, passing results on",
    "delivery": "Testing, exporting, explaining",
    "idle": "Nothing going on: stopped, or waiting for a machine",
}


def spending(trainings: Iterable[tuple[Kind, TrialResult]], start: float, now: float) -> tuple[Spent, ...]:
    """Return where the time went; the parts sum to the time from start to now.

    Where trainings of several kinds ran at once, their time is shared out by how many of each there were. A stretch
    without any training counts as between trainings, or as idle where it is longer than `IDLE_AFTER`.

    Args:
        trainings: What was trained, with its kind; what ended before the start is left out.
        start: Unix seconds at which the search began.
        now: Unix seconds at which the report is written.
    """
    stretches = [
        (max(begin, start), min(end, now), kind)
        for kind, result in trainings
        for begin, end in _stretches(result)
        if end > start and begin < now
    ]
    seconds: dict[str, float] = dict.fromkeys(_LABELS, 0.0)
    last = max((end for _, end, _ in stretches), default=start)
    for begin, end, running in _slices(stretches, start, now):
        for kind in running:
            seconds[kind] += (end - begin) / len(running)
        if not running:
            seconds[_gap(begin, end, last)] += end - begin
    parts = (Spent(label, seconds[kind], kind) for kind, label in _LABELS.items())  # type: ignore[arg-type]
    return tuple(part for part in parts if part.seconds > 0)


def _gap(begin: float, end: float, last: float) -> str:
    if begin >= last:
        return "delivery" if end - begin < DELIVERY_WITHIN else "idle"
    return "between" if end - begin < IDLE_AFTER else "idle"


def _stretches(result: TrialResult) -> list[tuple[float, float]]:
    """Return when a training was under way: its epochs, and what lies between them unless that is long."""
    edges = [(result.started_at, result.started_at)]
    edges += [(point.started_at, point.finished_at) for point in result.curve]
    edges += [(result.finished_at, result.finished_at)]
    merged = [edges[0]]
    for begin, end in sorted(edges[1:]):
        first, known = merged[-1]
        if begin - known < IDLE_AFTER:
            merged[-1] = (first, max(known, end))
        else:
            merged.append((begin, end))
    return [(begin, end) for begin, end in merged if end > begin]


def _slices(
    stretches: list[tuple[float, float, Kind]], start: float, now: float
) -> Iterator[tuple[float, float, list[Kind]]]:
    """Yield the time from start to now in pieces, each with what was under way all through it.

    Neighbouring pieces without anything under way never occur: each stretch's edges are the only cuts.
    """
    cuts = sorted({start, max(start, now), *(at for begin, end, _ in stretches for at in (begin, end))})
    opening: dict[float, list[Kind]] = {}
    closing: dict[float, list[Kind]] = {}
    for begin, end, kind in stretches:
        opening.setdefault(begin, []).append(kind)
        closing.setdefault(end, []).append(kind)
    running: list[Kind] = []
    for begin, end in pairwise(cuts):
        for kind in closing.get(begin, ()):
            running.remove(kind)
        running += opening.get(begin, [])
        yield begin, end, list(running)
