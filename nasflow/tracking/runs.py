"""The runs of a search in MLflow: found, made, claimed, thrown away."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nasflow.errors import TrackingError
from nasflow.tracking.claims import Claim, Claims, Documents
from nasflow.tracking.client import Connection, explained
from nasflow.tracking.records import (
    PENDING,
    Note,
    abandoned,
    creator_tag,
    made_here,
    text_params,
    trial_tags,
)

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

_ATTEMPTS = 5
_PAGE = 500
_ENDED = {"FINISHED", "FAILED", "KILLED"}
_SEARCH = "search"


@dataclass
class KnownRun:
    """A run, as far as it is known here.

    Attributes:
        id: Its id.
        tags: Its tags.
        params: Names of the parameters it has.
        metrics: Latest value of each of its metrics.
        ended: Whether it is in a terminal status.
        places: Step and time stamp of the points that it is known to hold.
        complete: Whether it is known to hold no others, as is so for a run made here.
    """

    id: str
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    metrics: dict[str, float] = field(default_factory=dict)
    ended: bool = False
    places: set[tuple[int, int]] = field(default_factory=set)
    complete: bool = False

    @property
    def kind(self) -> str:
        """What it is tagged as."""
        return self.tags.get("nasflow.kind", PENDING)

    @classmethod
    def of(cls, run: MlflowRun) -> KnownRun:
        """Return what MLflow says of a run."""
        data = run.data
        return cls(run.info.run_id, dict(data.tags), set(data.params), dict(data.metrics), run.info.status in _ENDED)


class Runs:
    """Finds or makes the runs of a search; each exactly once, whatever is killed and whoever else does the same.

    A run is made with kind `pending`, claimed by a conditional write in the store, and gets its kind with the first
    thing written to it. Pending runs that nobody claimed go when their process has ended.

    Args:
        connection: The open MLflow.
        documents: The store.
        search_id: The search.
        search_name: Name of the parent run.
        params: Parameters of the parent run.
    """

    def __init__(
        self, connection: Connection, documents: Documents, search_id: str, search_name: str, params: Mapping[str, str]
    ) -> None:
        self.connection = connection
        self.client = connection.client
        self._search_id = search_id
        self._claims = Claims(documents, search_id, connection.identity)
        self._store = documents.url
        self._known: dict[str, KnownRun] = {}
        self._unsure = False
        with explained(connection.target):
            self.parent = self._the_parent(search_name, text_params(params))
            self._find()

    @property
    def children(self) -> list[KnownRun]:
        """The children that this process knows, but for pending ones."""
        return [run for run in self._known.values() if "nasflow.trial_id" in run.tags and run.kind != PENDING]

    def child(self, note: Note) -> KnownRun:
        """Return the run of a trial, made where there is none.

        Raises:
            TrackingError: MLflow cannot be used.
            StorageError: The store cannot be used.
        """
        trial_id = note.trial.id
        tags = trial_tags(self._search_id, self.parent.id, note.trial)
        with explained(self.connection.target):
            if self._unsure:
                self._find(failed_here=True)
                self._unsure = False
            if self.parent.ended and not self._claims.read(trial_id):  # the search goes on
                self.client.update_run(self.parent.id, status="RUNNING")
                self.parent.ended = False
            return self._claimed(trial_id, f"{note.kind}-{trial_id[:8]}", tags, self.parent.id, note.started)

    def discard(self, run: KnownRun) -> None:
        """Throw a run away; its claim no longer holds, since a deleted run is none.

        Raises:
            TrackingError: MLflow cannot be used.
        """
        with explained(self.connection.target):
            self.client.delete_run(run.id)
        self._known.pop(run.id, None)

    def _claimed(self, name: str, title: str, tags: dict[str, str], parent: str, started: int) -> KnownRun:
        """Return the active run that the store names, claiming one that is there already or a new one."""
        for _ in range(_ATTEMPTS):
            claim = self._claims.read(name)
            run = self._active(claim.run) if claim else None
            if claim and run and claim.parent == parent:
                return run
            if run:  # it lies under a parent that is gone
                self.discard(run)
            run = self._unclaimed(name) or self._create(title, tags, started)
            if self._claims.write(name, Claim(run.id, parent), claim):
                self._known[run.id] = run
                return run
            if run.kind == PENDING:
                self.discard(run)
        raise TrackingError(f"several processes make the run of '{name}' at the same moment; run the command again.")

    def _create(self, title: str, tags: dict[str, str], started: int) -> KnownRun:
        tags = tags | {"nasflow.kind": PENDING, "nasflow.creator": creator_tag(self._store)}
        self._unsure = True  # where the answer is lost, nobody knows whether there is such a run
        made = self.client.create_run(self.connection.experiment_id, start_time=started, tags=tags, run_name=title)
        self._unsure = False
        return KnownRun(made.info.run_id, dict(made.data.tags), complete=True)

    def _unclaimed(self, name: str) -> KnownRun | None:
        """Return a child whose claim was lost, by its tags."""
        return next((run for run in self.children if run.tags.get("nasflow.trial_id") == name), None)

    def _active(self, run_id: str) -> KnownRun | None:
        """Return a run unless it was deleted, or is not in this database."""
        from mlflow.exceptions import MlflowException

        if run_id not in self._known:
            try:
                run = self.client.get_run(run_id)
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
            if run.info.lifecycle_stage != "active":
                return None
            self._known[run_id] = KnownRun.of(run)
        return self._known[run_id]

    def _the_parent(self, search_name: str, params: dict[str, str]) -> KnownRun:
        tags = {"nasflow.search_id": self._search_id}
        run = self._claimed(_SEARCH, search_name, tags, "", round(time.time() * 1000))
        if run.kind == PENDING or not set(params) <= run.params:
            from mlflow.entities import Param, RunTag

            new = [Param(key, value) for key, value in params.items() if key not in run.params][:100]
            self.client.log_batch(run.id, params=new, tags=[RunTag("nasflow.kind", _SEARCH)], synchronous=True)
            run.tags["nasflow.kind"] = _SEARCH
            run.params |= set(params)
        return run

    def _find(self, failed_here: bool = False) -> None:
        """Learn of all runs of the search, and clear away what was left behind.

        Args:
            failed_here: Whether this process has failed to make one, which may be there all the same.
        """
        for run in self._search():
            if run.kind == PENDING:
                claim = self._claims.read(run.tags.get("nasflow.trial_id", _SEARCH))
                if not (claim and claim.run == run.id):
                    creator = run.tags.get("nasflow.creator", "")
                    if abandoned(creator, self._store) or (failed_here and made_here(creator, self._store)):
                        self.client.delete_run(run.id)
                    continue
            if run.tags.get("mlflow.parentRunId") == self.parent.id:
                self._known.setdefault(run.id, run)

    def _search(self) -> Iterator[KnownRun]:
        found: list[MlflowRun] = []
        token = None
        while True:
            page = self.client.search_runs(
                [self.connection.experiment_id],
                f"tags.`nasflow.search_id` = '{self._search_id}'",
                max_results=_PAGE,
                page_token=token,
            )
            found.extend(page)
            token = page.token
            if not token:
                return (KnownRun.of(run) for run in found)
