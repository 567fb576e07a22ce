"""What `nasflow refresh` does, and what it says in the end."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nasflow.cli import showing
from nasflow.cli.placing import placed
from nasflow.cli.progress import ProgressView
from nasflow.cli.views import RefreshView
from nasflow.config.loading import load_config
from nasflow.engine.status import SearchStatus

if TYPE_CHECKING:
    from nasflow.pipelines.refresh.running import Refreshed


def refreshed(config: Path, on_progress: Callable[[ProgressView], None]) -> RefreshView:
    """Refresh the champion of a search, reporting progress about twice a second."""
    from nasflow.pipelines.refresh.running import run_refresh

    checked = load_config(config)
    objective = checked.objectives[0].name

    def prepared(done: int, total: int) -> None:
        note = f"{done:,} of {total:,} samples"
        on_progress(ProgressView(checked.name, "preparing the data", objective, note=note))

    def looking() -> None:
        on_progress(ProgressView(checked.name, "looking at the champion", objective))

    def changed(status: SearchStatus, started_at: float) -> None:
        on_progress(showing.progress(status, started_at))

    with placed(config):
        found = run_refresh(
            checked, config.resolve().parent, on_prepared=prepared, on_looking=looking, on_status=changed
        )
    return _view(checked.name, config, found)


def _view(name: str, path: Path, found: Refreshed) -> RefreshView:
    from nasflow.delivery.refresh.page import facts

    conclusion, finished = found.conclusion, found.finished
    if conclusion is None or finished is None:
        return RefreshView(name, "nothing to do; nothing was trained", (found.looked.said,))
    registration, store = conclusion.registration, finished.records.store
    headline = {
        "promoted": f"version {registration.version} promoted",
        "kept": f"version {registration.compared_with} stays champion",
        "first": f"version {registration.version} is the first champion",
    }[conclusion.decision]
    page = f"{store.url.removeprefix('file://')}/{conclusion.page}"
    steps = [("See the trials", f"nasflow show {shlex.quote(str(path))}")]
    if conclusion.decision == "promoted" and conclusion.start.champion is not None:
        rollback = f"nasflow promote {shlex.quote(str(path))} --version {conclusion.start.champion}"
        steps.insert(0, ("Go back to the champion before", rollback))
    return RefreshView(
        name,
        headline,
        (found.looked.said, registration.why),
        tuple(facts(conclusion.start, registration)),
        (("page", page), ("report", str(finished.delivery.report))),
        tuple(steps),
    )
