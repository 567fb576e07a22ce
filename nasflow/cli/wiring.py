"""Between the commands and the library: each function does a command's work and returns what it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nasflow.cli import showing
from nasflow.cli.placing import placed
from nasflow.cli.progress import ProgressView
from nasflow.cli.views import GarbageView, LeaderboardView, PlanView, SearchRow, SummaryView, TrialView
from nasflow.config import SearchConfig
from nasflow.config.loading import config_from, load_config
from nasflow.engine.kept import KeptSearch, find_search, kept_searches
from nasflow.engine.request import anchored
from nasflow.engine.status import SearchStatus, StatusReader
from nasflow.errors import UserError
from nasflow.storage import Store, open_store

DEFAULT_STORE = "nasflow-store"
_YAML = (".yaml", ".yml")


def plan_view(config: Path, *, probe: bool) -> PlanView:
    """Return what a search would do, and about how long it takes where that is to be measured; writes nothing."""
    from nasflow.cli.planning import planned

    checked = load_config(config)
    with placed(config):
        return planned(config, checked, probe=probe)


def run_search(
    config: Path, *, anew: bool, image: str | None = None, on_progress: Callable[[ProgressView], None]
) -> SummaryView:
    """Run a search to its end, reporting progress about twice a second; in containers where an image is named."""
    from nasflow.cli.summing import summary
    from nasflow.pipelines.search.running import run_search as run

    checked = load_config(config)

    def prepared(done: int, total: int) -> None:
        objective = checked.objectives[0].name
        note = f"{done:,} of {total:,} samples"
        on_progress(ProgressView(checked.name, "preparing the data", objective, note=note))

    def changed(status: SearchStatus, started_at: float) -> None:
        on_progress(showing.progress(status, started_at))

    with placed(config):
        finished = run(
            checked, config.resolve().parent, anew=anew, image=image, on_prepared=prepared, on_status=changed
        )
    return summary(config, finished)


def compile_pipeline(
    config: Path,
    target: Path,
    image: str,
    device_kind: str | None,
    *,
    store: str | None = None,
    refresh: bool = False,
) -> list[str]:
    """Write the pipeline of a search, or of its refresh, into a YAML file; return what the user has to see to."""
    from nasflow.pipelines.refresh.compiling import compile_refresh
    from nasflow.pipelines.search.compiling import compile_search
    from nasflow.pipelines.search.reach import left_to_chance, out_of_reach

    checked = load_for_pods(config, store)
    with placed(config):
        compiled = compile_refresh if refresh else compile_search
        notes = compiled(checked, config.resolve().parent, target, device_kind, image=image)
    return [*notes, *out_of_reach(checked), *left_to_chance(checked)]


def load_for_pods(config: Path, store: str | None) -> SearchConfig:
    """Return a search with the store that its pods have, where another one is named."""
    checked = load_config(config)
    if store is None:
        return checked
    document = checked.model_dump(mode="json", exclude_defaults=True)
    return config_from(document | {"storage": document.get("storage", {}) | {"url": store}})


def search_rows(store: str | None) -> list[SearchRow]:
    """Return the searches of a store, the one that changed last first."""
    rows = [_search_row(kept) for kept in kept_searches(_store(store))]
    return sorted(rows, key=lambda row: -(row.updated_at or 0.0))


def _search_row(kept: KeptSearch) -> SearchRow:
    status = _status(kept)
    config, first = kept.search.config, kept.search.objectives[0].name
    holder = kept.holder
    done = status.finished >= status.trials
    state = "running" if holder else "delivered" if status.delivered else "searched" if done else "stopped"
    moments = [showing.finished_at(entry) for entry in (*status.history, *status.finals)]
    return SearchRow(
        name=config.name,
        search_id=kept.records.search_id,
        state=state,
        finished=status.finished,
        trials=config.budget.trials,
        failed=showing.failed(status),
        objective=first,
        best=status.best.result.metrics.get(first) if status.best and status.best.result else None,
        updated_at=max([kept.started_at, *moments]),
        holder=holder,
    )


def progress_view(search: str, store: str | None) -> ProgressView:
    """Return how far a search is."""
    kept = find(search, store)
    return showing.progress(_status(kept), kept.started_at, held=bool(kept.holder))


def leaderboard_view(search: str, store: str | None, limit: int | None) -> LeaderboardView:
    """Return the trials of a search, best first, at most `limit`."""
    kept = find(search, store)
    return showing.leaderboard(_status(kept), kept.started_at, limit)


def trial_view(search: str, store: str | None, trial: str) -> TrialView:
    """Return one trial, by its number from 1 or by the beginning of its id or its architecture's.

    Raises:
        UserError: There is no such trial.
    """
    status = _status(find(search, store))
    entries = status.history.entries
    if trial.isdigit() and 1 <= int(trial) <= len(entries):
        return showing.trial(status, int(trial))
    for number, entry in enumerate(entries, 1):
        if len(trial) >= 4 and (entry.trial.id.startswith(trial) or entry.trial.architecture.id.startswith(trial)):
            return showing.trial(status, number)
    raise UserError(
        f"search '{status.search.config.name}' has no trial '{trial}'; it has trials 1 to {len(entries)}, and takes "
        f"the beginning (4 characters or more) of a trial's or a network's id."
    )


def report_html(search: str, store: str | None) -> tuple[str, bytes]:
    """Return a search's name and its report.

    Raises:
        UserError: It has none yet.
    """
    kept = find(search, store)
    content = kept.records.store.get(f"{kept.records.folder}/report.html")
    if content is None:
        raise UserError(
            f"search '{kept.search.config.name}' has no report yet: it is written when the winner is delivered; "
            f"see how far it is with 'nasflow status {kept.search.config.name}'."
        )
    return kept.search.config.name, content


def garbage_view(store: str | None, *, remove: bool) -> GarbageView:
    """Return what no search needs; remove it where asked."""
    from nasflow.engine.garbage import garbage

    objects: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for item in list(garbage(_store(store))):
        objects[item.kind] += 1
        sizes[item.kind] += item.size
        if remove:
            item.remove()
    return GarbageView(tuple((kind, objects[kind], sizes[kind]) for kind in sorted(objects)), removed=remove)


def _status(kept: KeptSearch) -> SearchStatus:
    return StatusReader(kept.search, kept.records).read()


def find(search: str, store: str | None) -> KeptSearch:
    """Find a search by its YAML file, its name or its id."""
    if not search.endswith(_YAML):
        return find_search(_store(store), search)
    config = anchored(load_config(Path(search)))
    return find_search(open_store(store or config.storage.url), config.name, config)


def _store(url: str | None) -> Store:
    return open_store(url or DEFAULT_STORE)
