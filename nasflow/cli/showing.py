"""From the state of a search to the views that commands show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nasflow.cli.progress import ProgressView, RoundProgress, RunningTrial
from nasflow.cli.views import LeaderboardView, TrialRow, TrialView
from nasflow.engine.plan import Known
from nasflow.engine.status import SearchStatus
from nasflow.objectives import rank_key
from nasflow.trials import Entry, Status


def progress(status: SearchStatus, started_at: float, *, held: bool = True) -> ProgressView:
    """Return how far a search is.

    Args:
        status: The search.
        started_at: Unix seconds of its first start; results from before are reused ones.
        held: Whether somebody works on it now.
    """
    search = status.search
    rows = [row(search, number, entry, started_at) for number, entry in enumerate(status.history, 1)]
    done = sorted(
        (r for r in rows if r.status not in ("waiting", "running")),
        key=lambda r: finished_at(status.history.entries[r.number - 1]),
    )
    finals_done = sum(entry.result is not None for entry in status.finals)
    best = next((r for r in rows if status.best and r.architecture == status.best.trial.architecture.id), None)
    return ProgressView(
        name=search.config.name,
        phase=_phase(status, held),
        objective=search.objectives[0].name,
        rounds=tuple(_rounds(status)),
        finished=tuple(done),
        running=tuple(_running(status)) if held else (),
        best=best,
        seconds_left=status.seconds_left if held else None,
        finals_done=finals_done,
        finals=len(status.finals),
        note=status.note,
    )


def finished_at(entry: Entry) -> float:
    """Return when a trial ended, in Unix seconds; 0 while it has not."""
    return entry.result.finished_at if entry.result else 0.0


def _phase(status: SearchStatus, held: bool) -> str:
    if status.delivered:
        return "delivered"
    if not held:
        searched = status.finals or status.finished >= status.trials
        return "searched, not delivered yet: run it again" if searched else "stopped: run it again to go on"
    if status.finals and all(entry.result is not None for entry in status.finals):
        return "exporting, reporting and registering"
    if status.finals:
        return "training the best in full, and the reference"
    return "searching" if len(status.history) else "starting"


def _rounds(status: SearchStatus) -> Iterator[RoundProgress]:
    config = status.search.config
    size = config.parallelism.round_size
    under_way = {running.trial_id for running in status.running}
    for number in range(-(-status.trials // size)):
        entries = status.history.entries[number * size : (number + 1) * size]
        results = [entry.result for entry in entries if entry.result is not None]
        failed = sum(result.status.failed for result in results)
        yield RoundProgress(
            number=number + 1,
            total=min(size, status.trials - number * size),
            completed=len(results) - failed,
            failed=failed,
            running=sum(e.result is None and e.trial.id in under_way for e in entries),
        )


def _running(status: SearchStatus) -> Iterator[RunningTrial]:
    objective = status.search.objectives[0].name
    labels = {e.trial.id: (f"trial {n}", e.trial) for n, e in enumerate(status.history, 1) if e.result is None}
    for place, entry in enumerate(status.finals, 1):
        if entry.result is None:
            last = place == len(status.finals) and place > status.search.config.final.candidates
            labels[entry.trial.id] = ("reference" if last else f"candidate {place}", entry.trial)
    for running in status.running:
        if running.trial_id in labels:
            label, trial = labels[running.trial_id]
            yield RunningTrial(label, running.epoch, trial.fidelity.epochs, running.metrics.get(objective))


def row(search: Known, number: int, entry: Entry, started_at: float) -> TrialRow:
    """Return a trial as a row of a table."""
    result = entry.result
    architecture = entry.trial.architecture
    if result is None:
        return TrialRow(number, architecture.id, "waiting", origin=entry.trial.origin)
    return TrialRow(
        number=number,
        architecture=architecture.id,
        status=str(result.status),
        values={o.name: result.metrics[o.name] for o in search.objectives if o.name in result.metrics},
        epochs=len(result.curve),
        seconds=result.metrics.get("train_seconds"),
        origin=entry.trial.origin,
        cause=result.cause,
        reused=result.finished_at < started_at,
    )


def leaderboard(status: SearchStatus, started_at: float, limit: int | None) -> LeaderboardView:
    """Return the trials of a search, best first, at most `limit`."""
    search = status.search
    numbered = list(enumerate(status.history, 1))
    numbered.sort(key=lambda pair: rank_key(search.objectives, pair[1]))
    shown = numbered if limit is None else numbered[:limit]
    names = tuple(objective.name for objective in search.objectives)
    last = status.finals[-1] if len(status.finals) > search.config.final.candidates else None
    reference = last.result.metrics if last and last.result else {}
    return LeaderboardView(
        name=search.config.name,
        objectives=names,
        rows=tuple(row(search, number, entry, started_at) for number, entry in shown),
        hidden=len(numbered) - len(shown),
        counts=dict(Counter(str(e.result.status) if e.result else "waiting" for e in status.history).most_common()),
        reference={name: reference[name] for name in names if name in reference},
    )


def trial(status: SearchStatus, number: int) -> TrialView:
    """Return one trial in detail, by its number from 1."""
    entry = status.history.entries[number - 1]
    architecture, result = entry.trial.architecture, entry.result
    curve = result.curve if result else ()
    names = list(dict.fromkeys(name for point in curve for name in point.metrics))
    state = "running" if entry.trial.id in {r.trial_id for r in status.running} else "waiting"
    return TrialView(
        search=status.search.config.name,
        number=number,
        trial_id=entry.trial.id,
        architecture_id=architecture.id,
        family=architecture.family,
        choices=dict(architecture.choices),
        status=str(result.status) if result else state,
        cause=result.cause if result else "",
        metrics=dict(result.metrics) if result else {},
        curves={name: tuple(p.metrics[name] for p in curve if name in p.metrics) for name in names},
        epochs=(len(curve), entry.trial.fidelity.epochs),
        parents=entry.trial.parents,
        origin=entry.trial.origin,
        device=result.device if result else "",
        seconds=result.metrics.get("train_seconds") if result else None,
    )


def failed(status: SearchStatus) -> int:
    """Return the number of failed trials."""
    return len(status.history.failed)


def rejected(status: SearchStatus) -> int:
    """Return the number of rejected trials."""
    return sum(e.result is not None and e.result.status is Status.REJECTED for e in status.history)
