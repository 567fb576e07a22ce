"""What the sections of a page show, worked out from the data of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nasflow.delivery.report import wording
from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.parts import Answers, Choices, Importance, RunnerUp

_MATRIX = 20
"""Classes up to which the confusion matrix is shown whole; of more, the pairs that are mistaken most often."""

_PAIRS = 15


@dataclass(frozen=True)
class Bar:
    """An interval on a scale, in per cent of its width."""

    low: float
    median: float
    high: float


def bars(found: Importance) -> tuple[list[Bar], float]:
    """Return where each choice's interval lies, and where zero does, on one scale in per cent."""
    lowest = min(0.0, *(weight.low for weight in found.weights))
    highest = max(0.01, *(weight.high for weight in found.weights))
    span = highest - lowest

    def at(value: float) -> float:
        return round(100 * (value - lowest) / span, 2)

    return [Bar(at(w.low), at(w.median), at(w.high)) for w in found.weights], at(0.0)


def importance_sentence(found: Importance) -> str:
    """Return how far the importances can be trusted."""
    if not found.weights or found.explained is None:
        if found.trials < found.needed:
            return (
                f"Too few trials to tell: {wording.plural(found.trials, 'network')} completed, and at least "
                f"{found.needed} are needed."
            )
        return "There is nothing to tell: all networks did equally well, or all made the same choices."
    explained, certain = found.explained, [weight.name for weight in found.weights if weight.certain]
    share = f"{100 * explained.value:.0f} % (95 % interval {100 * explained.low:.0f} to {100 * explained.high:.0f} %)"
    told = (
        f"Together the choices explain {share} of how held-out networks differ"
        if explained.value > 0
        else "Together the choices predict held-out networks no better than their mean does"
    )
    if not certain:
        return (
            f"{told}. With {found.trials} networks no single choice is certain to have mattered: every interval "
            f"includes zero."
        )
    names = certain[0] if len(certain) == 1 else f"{', '.join(certain[:-1])} and {certain[-1]}"
    return (
        f"{told}. Certain to have mattered, given {found.trials} networks: {names}. The intervals of the others "
        f"include zero."
    )


def differing(found: RunnerUp) -> list[tuple[str, str, str]]:
    """Return each choice that the two made differently: its name, the winner's value, and the runner-up's."""
    names = list(dict.fromkeys([*found.winner_choices, *found.choices]))
    pairs = [(name, _made(found.winner_choices, name), _made(found.choices, name)) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _made(choices: Choices, name: str) -> str:
    return wording.choice(choices[name]) if name in choices else "–"


def rival_sentence(found: RunnerUp) -> str:
    """Return whether the difference between winner and runner-up is more than chance, as far as can be told."""
    if found.standard_error is None or not found.metrics or found.metrics[0].reference is None:
        return ""
    first = found.metrics[0]
    gap = first.winner.value - found.metrics[0].reference.value
    if gap == 0:
        return f"Both reach the same {wording.title(first.name).lower()} on {found.samples:,} validation samples."
    told = (
        f"Their {wording.title(first.name).lower()} differs by {wording.change(first.name, gap)} ± "
        f"{wording.spread(first.name, found.standard_error)} over {found.samples:,} validation samples"
    )
    verdict = (
        "which is more than chance explains" if abs(gap) > 1.96 * found.standard_error else "which chance explains"
    )
    return f"{told}, {verdict}. The two are taken as measured on different samples, which overstates the uncertainty."


@dataclass(frozen=True)
class Cell:
    """A field of the confusion matrix: its samples, their share of the true class, and whether the answer is right."""

    count: int
    share: float
    right: bool


def matrix(found: Answers, classes: Sequence[str]) -> list[list[Cell]] | None:
    """Return the confusion matrix, a row for each true class, or None where there are too many classes to read it."""
    if len(classes) > _MATRIX:
        return None
    counts = [[0] * len(classes) for _ in classes]
    for truth, answer, number in found.confusion:
        counts[truth][answer] = number
    return [
        [Cell(number, number / max(1, sum(row)), truth == answer) for answer, number in enumerate(row)]
        for truth, row in enumerate(counts)
    ]


def confused(found: Answers, classes: Sequence[str]) -> list[tuple[str, str, int, float]]:
    """Return true class, answered class, samples, and their share of the true class, of the most frequent mistakes."""
    totals: dict[int, int] = {}
    for truth, _, number in found.confusion:
        totals[truth] = totals.get(truth, 0) + number
    wrong = [cell for cell in found.confusion if cell[0] != cell[1]]
    wrong.sort(key=lambda cell: (-cell[2], cell[0], cell[1]))
    return [(classes[t], classes[a], number, number / totals[t]) for t, a, number in wrong[:_PAIRS]]


def worst_sentence(found: Answers) -> str:
    """Return which samples are shown as the worst, and how many of those are answered wrong."""
    shown = sum(sample.truth != sample.answer for sample in found.worst)
    told = "Those whose own class got the lowest probability"
    if shown == len(found.worst):
        return f"{told}; all of them are answered wrong."
    if shown == 0:
        return f"{told}; even so, all of them are answered right."
    return f"{told}; {shown} of these {len(found.worst)} are answered wrong, and are framed."


def shares(data: ReportData) -> list[float]:
    """Return the share of each part of the time in all of it, without what was idle, in per cent."""
    total = sum(part.seconds for part in data.cost.parts if part.kind != "idle")
    return [100 * part.seconds / total if part.kind != "idle" and total else 0.0 for part in data.cost.parts]
