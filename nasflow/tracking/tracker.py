"""What the rest of nasflow knows of MLflow: tell it what happens, and in the end have everything there."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from nasflow.tracking.claims import Documents
from nasflow.tracking.client import explained
from nasflow.tracking.parent import finish
from nasflow.tracking.records import Kind, Note, milliseconds, text_params
from nasflow.tracking.session import Session
from nasflow.tracking.target import TrackingTarget
from nasflow.tracking.writer import Earlier, Writer
from nasflow.tracking.writing import end_others, write
from nasflow.trials import EpochPoint, Trial, TrialResult


class Tracker:
    """The MLflow runs of one search: one parent, one child for each trial, however many processes write them.

    `started`, `epoch` and `finished` return at once and never raise; a background thread writes, and waits while MLflow
    is away. The other methods write at once. Nothing is opened or imported before it is needed.

    Args:
        target: The MLflow and the experiment.
        store: Keeps which run is whose, below `searches/<search_id>/runs/`.
        search_id: The search.
        search_name: Name of the parent run.
        params: Parameters of the parent run.
    """

    def __init__(
        self, target: TrackingTarget, store: Documents, search_id: str, search_name: str, params: Mapping[str, str]
    ) -> None:
        self.target = target
        self._session = Session(target, store, search_id, search_name, params)
        self._writer = Writer(self._session)

    def started(self, trial: Trial, kind: Kind) -> None:
        """Say that a trial has started, or goes on."""
        self._writer.change(trial, kind, lambda note: None)

    def epoch(self, trial: Trial, kind: Kind, point: EpochPoint) -> None:
        """Say that an epoch has ended."""
        self._writer.change(trial, kind, lambda note: note.points.update({point.epoch: point}))

    def finished(self, trial: Trial, kind: Kind, result: TrialResult, reused: bool) -> None:
        """Say what came of a trial.

        Args:
            trial: The trial.
            kind: Kind of its training.
            result: Its result.
            reused: Whether the result is from another search.
        """

        def alter(note: Note) -> None:
            note.result, note.reused = result, reused
            note.started = milliseconds(result.started_at) or note.started

        self._writer.change(trial, kind, alter)

    def catch_up(self, earlier: Earlier) -> None:
        """Have the runs written, too, that were missed while MLflow was away from other processes of the search.

        They are looked for by the thread, once MLflow can be used and there is something to write.

        Args:
            earlier: From the ids of the trials that MLflow has, to kind, trial and result of those that it lacks, and
                whether the result is from another search.
        """
        self._writer.catch_up(earlier)

    def flush(self, seconds: float) -> bool:
        """Wait until everything said is written; return whether it was, within so many seconds."""
        return self._writer.flush(seconds)

    def close(self, seconds: float) -> bool:
        """Write what is left, for so many seconds at most, and end the thread; return whether all is written."""
        return self._writer.close(seconds)

    def sync(
        self,
        entries: Iterable[tuple[Kind, Trial, TrialResult]],
        complete: bool,
        reused: Collection[str] = (),
        on_run: Callable[[bool], None] = lambda missing: None,
    ) -> None:
        """Write whatever is missing of trials that have ended; done twice, it changes nothing.

        Args:
            entries: Kind, trial and result.
            complete: Whether these are all the trials of the search: other children still under way are ended as
                `KILLED`.
            reused: Ids of the trials whose results are from another search, where `finished` did not say so.
            on_run: Told of every run that is there now, and whether something of it was missing.

        Raises:
            TrackingError: MLflow cannot be used; the text says why.
            StorageError: The store cannot be used.
        """
        entries = list(entries)
        with self._session.runs() as runs:
            for kind, trial, result in entries:
                said = self._writer.take(trial.id)
                known = said.reused if said and said.reused is not None else trial.id in reused
                note = Note(trial, kind, milliseconds(result.started_at), result=result, reused=known)
                on_run(write(runs, note))
            if complete:
                end_others(runs, {trial.id for _, trial, _ in entries}, time.time())

    def parent_run_id(self) -> str:
        """Return the id of the parent run, made where there is none.

        Raises:
            TrackingError: MLflow cannot be used.
        """
        with self._session.runs() as runs:
            return runs.parent.id

    def child_run_id(self, kind: Kind, trial: Trial, result: TrialResult) -> str:
        """Return the id of the run of a trial that has ended, made where there is none.

        Raises:
            TrackingError: MLflow cannot be used.
        """
        with self._session.runs() as runs:
            return runs.child(Note(trial, kind, milliseconds(result.started_at), result=result)).id

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Attach a file to the parent run.

        Args:
            path: The file.
            folder: Folder among the run's artifacts.

        Raises:
            TrackingError: MLflow cannot be used.
        """
        with self._session.runs() as runs, explained(self.target):
            runs.client.log_artifact(runs.parent.id, str(path), folder)

    def finish_search(
        self,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED",
    ) -> None:
        """Complete the parent run; done twice, it changes nothing.

        Args:
            metrics: What was found.
            tags: What it is tagged with.
            status: How the search ended.

        Raises:
            TrackingError: MLflow cannot be used.
        """
        with self._session.runs() as runs, explained(self.target):
            finish(runs, metrics, text_params(tags), status)
