"""A run on a cluster as a picture: from the store where it can be read from here, else from the run's tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nasflow.cli.progress import ProgressView, RoundProgress
from nasflow.config import SearchConfig
from nasflow.errors import NasflowError, StorageError, UserError

if TYPE_CHECKING:
    from nasflow.engine.kept import KeptSearch
    from nasflow.engine.status import StatusReader
    from nasflow.pipelines.cluster.runs import Run, Step

_PHASES = {
    "prepare-data": "preparing the data",
    "generate-space": "preparing the data",
    "propose": "searching",
    "train-candidates": "searching",
    "search-on": "searching",
    "select": "searching",
    "train-final": "training the best in full, and the reference",
    "export-model": "exporting, reporting and registering",
    "report": "exporting, reporting and registering",
    "register-model": "exporting, reporting and registering",
}
_ENDS = {"SUCCEEDED": "delivered", "FAILED": "failed", "CANCELED": "cancelled", "SKIPPED": "skipped"}


class RemoteView:
    """Draws the runs of one search.

    Args:
        name: Of the search.
        config: The search, where its file is here.
    """

    def __init__(self, name: str, config: SearchConfig | None) -> None:
        self._name, self._config = name, config
        self._kept: KeptSearch | None = None
        self._reader: StatusReader | None = None
        self._away = config is None

    def of(self, run: Run) -> ProgressView:
        """Return the picture of a run at this moment."""
        return self._from_store(run) or self._from_tasks(run)

    def _from_store(self, run: Run) -> ProgressView | None:
        from nasflow.cli import showing

        if run.state == "PENDING" or not self._opened():
            return None
        assert self._reader is not None
        assert self._kept is not None
        try:
            view = showing.progress(self._reader.read(), self._kept.started_at, held=not run.over)
        except NasflowError:
            return None  # away for a moment; the tasks are there
        return view

    def _opened(self) -> bool:
        """Whether the search is found in its store; looked for until it is, unless the store cannot be reached."""
        from nasflow.engine.kept import find_search
        from nasflow.engine.request import anchored
        from nasflow.engine.status import StatusReader
        from nasflow.pipelines.cluster.stores import impatient
        from nasflow.storage import open_store

        if self._reader is not None or self._away or self._config is None:
            return self._reader is not None
        url = anchored(self._config).storage.url
        if "://" not in url and not Path(url).is_dir():
            return False  # on the cluster's volume
        try:
            kept = find_search(open_store(impatient(url)), self._config.name, self._config)
        except StorageError:
            self._away = True
            return False
        except UserError:
            return False  # it has not begun
        self._kept, self._reader = kept, StatusReader(kept.search, kept.records)
        return True

    def _from_tasks(self, run: Run) -> ProgressView:
        from nasflow.pipelines.cluster.logs import base_name

        steps = [step for step in run.steps if base_name(step.name)]
        rounds = tuple(self._rounds(steps))
        note = "Rounds are counted in shards here, since the store cannot be read from this machine." if rounds else ""
        return ProgressView(
            name=self._name,
            phase=self._phase(run, steps),
            objective=self._config.objectives[0].name if self._config else "",
            rounds=rounds,
            note=note,
        )

    def _phase(self, run: Run, steps: list[Step]) -> str:
        from nasflow.pipelines.cluster.logs import base_name

        if run.over:
            return _ENDS.get(run.state, run.state.lower())
        if run.state == "CANCELING":
            return "being cancelled"
        order = list(_PHASES)
        known = [step for step in steps if step.state == "RUNNING"] or steps
        if not known:
            return "waiting for a pod"
        return _PHASES[max((base_name(step.name) for step in known), key=order.index)]

    def _rounds(self, steps: list[Step]) -> Iterator[RoundProgress]:
        """Yield the rounds in shards: as many as the file says, or as many as have been seen."""
        from nasflow.pipelines.cluster.logs import base_name, round_number
        from nasflow.pipelines.search.limits import shards_at_once

        shards: dict[int, Counter[str]] = {}
        for step in steps:
            if base_name(step.name) == "train-candidates":
                shards.setdefault(round_number(step.name), Counter())[step.state] += 1
        begun = max((round_number(s.name) for s in steps if base_name(s.name) == "propose"), default=0)
        over = any(base_name(step.name) == "select" for step in steps)
        expected = shards_at_once(self._config) if self._config else 1
        last = max([*shards, self._config.rounds if self._config and begun else 0])
        for number in range(1, last + 1):
            seen = shards.get(number, Counter())
            closed = over or begun > number
            yield RoundProgress(
                number=number,
                total=seen.total() if closed else max(seen.total(), expected),
                completed=seen["SUCCEEDED"] + seen["SKIPPED"],
                failed=seen["FAILED"],
                running=seen["RUNNING"],
            )
