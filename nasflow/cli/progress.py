"""Showing a search while it runs: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nasflow.cli.tables import status_text
from nasflow.cli.text import clipped, count, duration, metric
from nasflow.cli.views import TrialRow

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.live import Live
    from rich.text import Text

_BAR = 24
_SHOWN_FAILURES = 3
_SHOWN_RUNNING = 8
_SHOWN_ROUNDS = 6


@dataclass(frozen=True)
class RoundProgress:
    """One round.

    Attributes:
        number: From 1.
        total: Its trials.
        completed: Trials that completed or were rejected.
        failed: Trials that failed.
        running: Trials under way.
    """

    number: int
    total: int
    completed: int = 0
    failed: int = 0
    running: int = 0


@dataclass(frozen=True)
class RunningTrial:
    """A trial or full training under way.

    Attributes:
        label: `trial 7`, `candidate 1`, `reference`.
        epoch: Epochs finished.
        epochs: Epochs asked for.
        value: The deciding metric after the last epoch, or None.
    """

    label: str
    epoch: int
    epochs: int
    value: float | None = None


@dataclass(frozen=True)
class ProgressView:
    """A search at one moment.

    Attributes:
        name: The search.
        phase: What is going on, as in `searching` or `training the best in full`.
        objective: Name of the deciding objective.
        rounds: All rounds, those to come included.
        finished: The trials with a result, in the order in which they finished as far as known.
        running: What is under way.
        best: The best trial so far, or None.
        seconds_left: Estimated seconds of training left, or None.
        finals_done: Full trainings finished (the reference included).
        finals: Full trainings in all; 0 before the search is over.
        note: A sentence for the user, or empty.
    """

    name: str
    phase: str
    objective: str
    rounds: tuple[RoundProgress, ...] = ()
    finished: tuple[TrialRow, ...] = ()
    running: tuple[RunningTrial, ...] = ()
    best: TrialRow | None = None
    seconds_left: float | None = None
    finals_done: int = 0
    finals: int = 0
    note: str = ""

    @property
    def failures(self) -> tuple[TrialRow, ...]:
        """The finished trials that failed."""
        return tuple(row for row in self.finished if failed(row))


def failed(row: TrialRow) -> bool:
    """Whether a trial counts as failed."""
    return row.status not in ("completed", "rejected", "running", "waiting")


def drawn(view: ProgressView) -> Group:
    """Draw a search at one moment, 80 columns wide or less."""
    from rich.console import Group
    from rich.text import Text

    lines: list[RenderableType] = [Text.assemble((view.name, "bold"), f"  {view.phase}", _left(view))]
    lines += _round_lines(view.rounds)
    if view.finals:
        bar = _bar(view.finals_done, 0, min(len(view.running), view.finals - view.finals_done), view.finals)
        lines.append(Text.assemble("  full     ", bar, f" {view.finals_done}/{view.finals}"))
    if view.best is not None:
        lines.append(Text.assemble("  best     ", (_best(view), "bold")))
    for trial in view.running[:_SHOWN_RUNNING]:
        lines.append(Text(f"  {trial.label:<12} {_epochs(view, trial)}"))
    failures = view.failures
    if failures:
        lines.append(Text(f"  {count(len(failures), 'failure')}", style="red"))
        lines += [
            Text(f"    {_failure(row)}", no_wrap=True, overflow="ellipsis") for row in failures[-_SHOWN_FAILURES:]
        ]
    if view.note:
        lines.append(Text(f"  {view.note}"))
    return Group(*lines)


def finished_line(view: ProgressView, row: TrialRow) -> str:
    """Return the plain line of a finished trial."""
    total = sum(each.total for each in view.rounds)
    head = f"trial {row.number}/{total} {row.architecture[:8]}"
    if row.status != "completed":
        return f"{head} {row.status.replace('_', ' ')}: {row.cause}".rstrip(": ")
    value = metric(view.objective, row.values.get(view.objective))
    time = "reused" if row.reused else duration(row.seconds)
    return f"{head} {view.objective} {value} ({time})"


class Progress:
    """Shows views as they come; a context manager.

    On a terminal the picture is redrawn in place. Elsewhere each finished trial, finished round and new phase is a
    line.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._seen: set[int] = set()
        self._rounds: set[int] = set()
        self._phase = ""

    def __enter__(self) -> Self:
        """Begin."""
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def update(self, view: ProgressView) -> None:
        """Show the present state."""
        if self._live is not None:
            self._live.update(drawn(view), refresh=True)
            return
        for line in self._news(view):
            self._console.print(line, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; the picture goes, so that a summary can take its place."""
        if self._live is not None:
            self._live.stop()

    def _news(self, view: ProgressView) -> list[str]:
        lines = []
        if view.phase != self._phase:
            self._phase = view.phase
            lines.append(f"{view.name}: {view.phase}")
        for row in view.finished:
            if row.number not in self._seen:
                self._seen.add(row.number)
                lines.append(finished_line(view, row))
        for each in view.rounds:
            if each.number not in self._rounds and each.total and each.completed + each.failed >= each.total:
                self._rounds.add(each.number)
                lines.append(self._round_news(view, each))
        return lines

    def _round_news(self, view: ProgressView, each: RoundProgress) -> str:
        best = f"; best so far: {_best(view)}" if view.best is not None else ""
        left = f"; {duration(view.seconds_left)} left" if view.seconds_left is not None else ""
        trouble = f", {each.failed} failed" if each.failed else ""
        return f"round {each.number}/{len(view.rounds)} done{trouble}{best}{left}"


def _left(view: ProgressView) -> str:
    return f", about {duration(view.seconds_left)} left" if view.seconds_left is not None else ""


def _round_lines(rounds: Sequence[RoundProgress]) -> list[RenderableType]:
    """Draw the latest rounds and the next one; the others are counted."""
    from rich.text import Text

    begun = sum(each.completed + each.failed + each.running > 0 for each in rounds)
    first, last = max(0, begun - _SHOWN_ROUNDS + 1), begun + 1
    if len(rounds) <= _SHOWN_ROUNDS:
        first, last = 0, len(rounds)
    lines: list[RenderableType] = [Text(f"  {count(first, 'earlier round')}")] if first else []
    lines += [_round_line(each) for each in rounds[first:last]]
    more = len(rounds) - last
    return [*lines, Text(f"  {count(more, 'more round')} at most")] if more > 0 else lines


def _round_line(each: RoundProgress) -> Text:
    from rich.text import Text

    done = each.completed + each.failed
    bar = _bar(each.completed, each.failed, each.running, each.total)
    parts = [f"{done}/{each.total}"]
    parts += [f"{each.running} running"] if each.running else []
    line = Text.assemble(f"  round {each.number:<3}", bar, f" {', '.join(parts)}")
    return line.append(f", {each.failed} failed", style="red") if each.failed else line


def _bar(completed: int, failed: int, running: int, total: int) -> Text:
    """Draw shares of a total as a bar; the widths are rounded so that they never exceed it."""
    from rich.text import Text

    bar = Text()
    edges = _edges((completed, failed, running), total)
    for (start, end), style in zip(edges, ("green", "red", "cyan"), strict=True):
        bar.append("━" * (end - start), style=style)
    return bar.append("─" * (_BAR - edges[-1][1]))


def _edges(parts: Sequence[int], total: int) -> list[tuple[int, int]]:
    edges, sum_so_far, last = [], 0, 0
    for part in parts:
        sum_so_far += part
        end = min(_BAR, round(_BAR * sum_so_far / total)) if total else 0
        edges.append((last, end))
        last = end
    return edges


def _best(view: ProgressView) -> str:
    row = view.best
    if row is None:
        return ""
    values = [f"{metric(name, value)} {name}" for name, value in row.values.items()]
    return f"{', '.join(values[:2])} (trial {row.number}, {row.architecture[:8]})"


def _epochs(view: ProgressView, trial: RunningTrial) -> str:
    value = f"  {view.objective} {metric(view.objective, trial.value)}" if trial.value is not None else ""
    return f"epoch {trial.epoch}/{trial.epochs}{value}"


def _failure(row: TrialRow) -> str:
    return clipped(f"trial {row.number}: {status_text(row.status).plain}. {row.cause}", 74)
