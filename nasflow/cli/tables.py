"""Drawing views: every function returns something that a rich console prints, 80 columns wide or less."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from nasflow.cli.text import ago, clipped, count, duration, huge, metric, size, sparkline
from nasflow.cli.views import (
    GarbageView,
    LeaderboardView,
    PlanView,
    RefreshView,
    ScheduleRow,
    SearchRow,
    SummaryView,
    TrialRow,
    TrialView,
)

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

# Colours that can be read on white and on black.
STATUS_STYLES = {
    "completed": "green",
    "delivered": "green",
    "running": "cyan",
    "rejected": "magenta",
    "waiting": "",
    "stopped": "",
    "searched": "cyan",
}
_FAILED = "red"


def status_text(status: str) -> Text:
    """Return a status in its colour; what is unknown here is a kind of failure."""
    from rich.text import Text

    return Text(status.replace("_", " "), style=STATUS_STYLES.get(status, _FAILED))


def plan(view: PlanView) -> Group:
    """Draw what a search would do."""
    networks = f"{view.space}: {huge(view.space_size)} combinations"
    if view.canonical_size is not None:
        networks += f", {count(view.canonical_size, 'different network')}"
    full = f"{count(view.finals, 'network')} for {count(view.final_epochs, 'epoch')}, and the reference network"
    at_once = f"{count(view.workers, 'worker')} of {count(view.threads, 'thread')} on {view.device}"
    rows: list[tuple[str, str]] = [
        ("data", view.data),
        ("task", view.task),
        ("networks", networks),
        *(("limits", text) for text in view.constraints),
        ("strategy", view.strategy),
        ("objectives", ", then ".join(view.objectives)),
        ("search", f"{_layout(view)}, {count(view.epochs, 'epoch')} each"),
        ("full training", full),
        ("at once", at_once),
        *([("time", view.time)] if view.time else []),
    ]
    parts: list[RenderableType] = [_heading(f"Search {view.name}", view.config), _pairs(rows)]
    if view.writes:
        parts += [_heading("Written to"), *_places(view.writes)]
    if view.notes:
        parts += [_heading("Please note"), *(_bullet(note) for note in view.notes)]
    return _stacked(parts)


def _layout(view: PlanView) -> str:
    """Say how the trials are laid out, as in "3 rounds × 2 shards, 24 trials"."""
    shards = f" × {count(view.shards, 'shard')}" if view.shards > 1 else ""
    return f"{count(view.trials, 'trial')} in {count(view.rounds, 'round')}{shards}"


def leaderboard(view: LeaderboardView) -> Group:
    """Draw the trials of a search, best first; of more than three objectives the first three."""
    from rich.text import Text

    table = _table()
    names = view.objectives[:3]
    origin = len(names) < 3
    varied = len({row.epochs for row in view.rows if row.status == "completed"}) > 1
    for name in ("#", *names, *(["epochs"] if varied else []), "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("network", *(["origin"] if origin else []), "status"):
        table.add_column(name, no_wrap=True)
    for row in view.rows:
        middle = [str(row.epochs)] if varied else []
        end = [row.origin] if origin else []
        time_taken = "reused" if row.reused else duration(row.seconds)
        cells = [
            str(row.number),
            *_values(row.values, names),
            *middle,
            time_taken,
            row.architecture[:8],
            *end,
        ]
        table.add_row(*cells, status_text(row.status))
    if view.reference:
        table.add_row("", *_values(view.reference, names), *([""] if varied else []), "", "reference")
    counts = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in view.counts.items())
    parts: list[RenderableType] = [_heading(f"Search {view.name}", counts), table]
    if view.hidden:
        parts.append(Text(f"{count(view.hidden, 'more trial')}; see all with --all."))
    return _stacked([*parts, *_causes(view.rows)])


def _values(values: Mapping[str, float], names: Iterable[str]) -> list[str]:
    return [metric(name, values.get(name)) for name in names]


def _causes(rows: Iterable[TrialRow]) -> list[RenderableType]:
    told = [f"{row.number}: {row.cause}" for row in rows if row.cause]
    return [_heading("Why trials failed or were rejected"), *(_bullet(text) for text in told)] if told else []


def trial(view: TrialView) -> Group:
    """Draw one trial in detail."""
    from rich.text import Text

    status = status_text(view.status)
    if view.cause:
        status = Text.assemble(status, f": {view.cause}")
    rows: list[tuple[str, str | Text]] = [
        ("status", status),
        ("trial", view.trial_id),
        ("network", f"{view.architecture_id} ({view.family})"),
        ("origin", view.origin + (f" of {', '.join(p[:8] for p in view.parents)}" if view.parents else "")),
        ("epochs", f"{view.epochs[0]} of {view.epochs[1]}"),
        ("time", duration(view.seconds) + (f" on {view.device}" if view.device else "")),
    ]
    parts: list[RenderableType] = [_heading(f"Trial {view.number} of search {view.search}"), _pairs(rows)]
    if view.choices:
        parts += [_heading("Choices"), _pairs((name, _plain(value)) for name, value in view.choices.items())]
    if view.metrics:
        parts += [_heading("Metrics"), _pairs((name, metric(name, value)) for name, value in view.metrics.items())]
    curves = {name: values for name, values in view.curves.items() if values}
    if curves:
        parts += [_heading("Curves by epoch"), _pairs((name, _curve(name, values)) for name, values in curves.items())]
    return _stacked(parts)


def _curve(name: str, values: tuple[float, ...]) -> str:
    return f"{sparkline(values, 30)}  {metric(name, values[0])} → {metric(name, values[-1])}"


def searches(rows: Iterable[SearchRow], now: float | None = None) -> RenderableType:
    """Draw the list of searches; `now` is the present in Unix seconds."""
    from rich.text import Text

    now = time.time() if now is None else now
    rows = list(rows)
    if not rows:
        return Text("No search has been run here yet; start one with 'nasflow run CONFIG'.")
    table = _table()
    table.add_column("search", overflow="fold")
    table.add_column("state", no_wrap=True)
    for name in ("trials", "failed", "best", "changed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    for row in rows:
        best = f"{metric(row.objective, row.best)} {row.objective}" if row.best is not None else "–"
        changed = ago(now - row.updated_at) if row.updated_at is not None else "–"
        progress = f"{row.finished}/{row.trials}"
        table.add_row(row.name, status_text(row.state), progress, str(row.failed), best, changed, row.search_id[:8])
    holders = [_bullet(f"{row.name} is held by {row.holder}.") for row in rows if row.holder]
    return _stacked([table, *holders])


def schedules(rows: Sequence[ScheduleRow]) -> RenderableType:
    """Draw the list of schedules."""
    from rich.text import Text

    if not rows:
        return Text("There is no schedule yet; make one with 'nasflow schedule create CONFIG --cron …'.")
    table = _table()
    table.add_column("schedule", overflow="fold")
    for name in ("when", "zone", "state", "next"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(row.name, row.cron, row.zone, "runs" if row.enabled else "paused", row.following)
    ends = [
        _bullet(f"{row.name} is laid out until {row.until}; create it again to go further.")
        for row in rows
        if row.until
    ]
    return _stacked([table, *ends])


def summary(view: SummaryView) -> Group:
    """Draw what came of a search."""
    table = _table()
    table.add_column("")
    for name in ("winner", "reference"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, winner, reference in view.metrics:
        table.add_row(name, metric(name, winner), metric(name, reference))
    counts = [count(view.trials, "trial")]
    counts += [f"{number} {word}" for word, number in _outcomes(view) if number]
    headline = "was finished before; nothing was trained" if view.repeated else f"finished in {duration(view.seconds)}"
    parts: list[RenderableType] = [
        _heading(f"Search {view.name} {headline}", ", ".join(counts)),
        table,
        _bullet(f"Network {view.winner[:12]}. {view.verdict}"),
    ]
    if view.registered:
        parts.append(_bullet(f"Registered as {view.registered}. {view.why}".strip()))
    parts += [_bullet(note) for note in view.notes]
    if view.files:
        parts += [_heading("Files"), *_places(view.files)]
    if view.next_steps:
        parts += [_heading("Next"), *(line for text, command in view.next_steps for line in _step(text, command))]
    return _stacked(parts)


def _outcomes(view: SummaryView) -> list[tuple[str, int]]:
    return [("failed", view.failed), ("rejected", view.rejected), ("reused", view.reused)]


def refresh(view: RefreshView) -> Group:
    """Draw what a refresh came to."""
    parts: list[RenderableType] = [_heading(f"Refresh of {view.name}", view.headline)]
    parts += [_bullet(sentence) for sentence in view.sentences]
    if view.facts:
        parts += [_heading("Figures"), _pairs(view.facts)]
    if view.files:
        parts += [_heading("Files"), *_places(view.files)]
    if view.next_steps:
        parts += [_heading("Next"), *(line for text, command in view.next_steps for line in _step(text, command))]
    return _stacked(parts)


def garbage(view: GarbageView) -> RenderableType:
    """Draw what `gc` removes."""
    from rich.text import Text

    items = [item for item in view.items if item[1]]
    if not items:
        return Text("Nothing to remove: every search needs what is kept.")
    table = _table()
    table.add_column("removed" if view.removed else "would be removed")
    table.add_column("objects", justify="right")
    table.add_column("size", justify="right", no_wrap=True)
    for what, number, volume in items:
        table.add_row(what, f"{number:,}", size(volume))
    table.add_row("all", f"{sum(i[1] for i in items):,}", size(sum(i[2] for i in items)), style="bold")
    return table


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))


def _pairs(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Draw names and values, the values in a column of their own."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(f"  {name}"), Text(value) if isinstance(value, str) else value)
    return table


def _places(rows: Sequence[tuple[str, str]]) -> list[Text]:
    """Draw names and paths or URLs; a line is never wrapped, so that they can be copied."""
    from rich.text import Text

    width = max(len(name) for name, _ in rows)
    return [Text(f"  {name:<{width}}  {place}", no_wrap=True, overflow="ignore") for name, place in rows]


def _heading(title: str, detail: str = "") -> Text:
    from rich.text import Text

    return Text.assemble(("\n" + title, "bold"), f"  {detail}" if detail else "")


def _bullet(text: str) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text), (0, 0, 0, 2))


def _step(text: str, command: str) -> list[RenderableType]:
    """Draw a next step: the command stands on a line of its own and is never wrapped, so that it can be copied."""
    from rich.text import Text

    shown = Text(f"    {command}", style="cyan", no_wrap=True, overflow="ignore")
    return [_bullet(f"{text}:"), shown] if command else [_bullet(text)]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else clipped(str(value), 60)


def _stacked(parts: Iterable[RenderableType]) -> Group:
    from rich.console import Group

    return Group(*parts)
