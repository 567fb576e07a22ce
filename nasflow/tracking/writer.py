"""The background thread that keeps MLflow up to date while a search goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from nasflow import logs
from nasflow.errors import NasflowError
from nasflow.tracking.client import RefusedError
from nasflow.tracking.records import Kind, Note, milliseconds
from nasflow.tracking.runs import Runs
from nasflow.tracking.session import Session
from nasflow.tracking.writing import write
from nasflow.trials import Trial, TrialResult

logger = logging.getLogger(__name__)

GATHER_SECONDS = 1.0
"""Least time between two rounds of writing: epochs that end within it share a request."""

LONGEST_PAUSE = 60.0

_HOLD_SECONDS = 10.0
"""Longest time that the connection is kept from others while there is much to write."""

Earlier = Callable[[Collection[str]], Iterable[tuple[Kind, Trial, TrialResult, bool]]]
"""Of the trials that MLflow has with their results, by id, to those that it lacks, and whether each is reused."""


class Writer:
    """Writes what changes, in a thread that ends with the process; while MLflow is away it tries ever more rarely.

    What is to be written is kept by trial, not as a queue: it stays small, and after an outage each run is brought up
    to date at once.

    Args:
        session: The connection.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._notes: dict[str, Note] = {}
        self._dirty: dict[str, None] = {}
        self._busy = False
        self._hurry = False
        self._closing = False
        self._failures = 0
        self._away = False
        self._earlier: Earlier | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def change(self, trial: Trial, kind: Kind, alter: Callable[[Note], None]) -> None:
        """Note something about a trial, to be written soon."""
        with self._changed:
            note = self._notes.setdefault(trial.id, Note(trial, kind, round(time.time() * 1000)))
            alter(note)
            self._dirty[trial.id] = None
            if self._thread is None:
                self._thread = threading.Thread(target=logs.carried(self._run), name="nasflow-tracking", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def catch_up(self, earlier: Earlier) -> None:
        """Look, once MLflow can be used and there is something to write, for what others could not write before."""
        with self._changed:
            self._earlier = earlier

    def take(self, trial_id: str) -> Note | None:
        """Hand over what was noted about a trial; it is no longer this thread's to write."""
        with self._changed:
            self._dirty.pop(trial_id, None)
            return self._notes.pop(trial_id, None)

    def flush(self, seconds: float) -> bool:
        """Wait until everything noted is written; return whether it was, within so many seconds."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._idle, seconds)
            finally:
                self._hurry = False

    def close(self, seconds: float) -> bool:
        """Write what is left, for so many seconds at most, and end the thread; return whether all is written.

        Where MLflow is away, one more attempt is all that is waited for.
        """
        with self._changed:
            before, self._hurry = self._failures, True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._idle or self._failures > before, seconds)
            written, self._closing, self._hurry = self._idle, True, False
            self._changed.notify_all()
        return written

    @property
    def _idle(self) -> bool:
        return not self._dirty and not self._busy

    def _run(self) -> None:
        pause, last = GATHER_SECONDS, 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._dirty or self._closing)
                self._changed.wait_for(lambda: self._closing or self._hurry, max(0.0, last + pause - time.monotonic()))
                if self._hurry and pause > GATHER_SECONDS:  # MLflow is away: even in a hurry, give it a moment
                    self._changed.wait_for(lambda: self._closing, GATHER_SECONDS)
                if self._closing:
                    return
                self._busy = True
            done = self._write()
            with self._changed:
                self._busy = False
                self._failures += not done
                last, pause = time.monotonic(), GATHER_SECONDS if done else min(LONGEST_PAUSE, 2 * pause)
                self._changed.notify_all()

    def _write(self) -> bool:
        """Write what has changed; what cannot be written now stays noted. Return whether all was written."""
        waiting: list[Note] = []
        try:
            with self._session.runs() as runs:  # looked at inside: `sync` may have written it meanwhile
                self._look_back(runs)
                waiting = self._take_dirty()
                until = time.monotonic() + _HOLD_SECONDS
                while waiting and not self._closing and time.monotonic() < until:
                    self._write_one(runs, waiting[0])
                    del waiting[0]
            done = True
        except NasflowError as error:
            done = self._tell_away(str(error))
        except Exception:  # a fault of ours must not end the thread unseen
            logger.warning("runs wait after an unexpected error", exc_info=True)
            done = False
        with self._changed:
            self._dirty = {note.trial.id: None for note in waiting} | self._dirty
        if done and self._away:
            self._away = False
            logger.info("MLflow is back; the runs that waited are written")
        return done

    def _tell_away(self, why: str) -> bool:
        """Say once an outage that runs wait; return False."""
        logger.log(logging.DEBUG if self._away else logging.WARNING, "runs wait, and the search goes on: %s", why)
        self._away = True
        return False

    def _look_back(self, runs: Runs) -> None:
        """Note the earlier trials whose runs are missing, once."""
        if (earlier := self._earlier) is None:
            return
        whole = {run.tags["nasflow.trial_id"] for run in runs.children if run.ended and "nasflow.result" in run.tags}
        for kind, trial, result, reused in earlier(whole):
            with self._changed:
                if trial.id not in self._notes:
                    started = milliseconds(result.started_at)
                    self._notes[trial.id] = Note(trial, kind, started, result=result, reused=reused)
                    self._dirty[trial.id] = None
        self._earlier = None

    def _take_dirty(self) -> list[Note]:
        with self._changed:
            notes = [self._notes[trial_id] for trial_id in self._dirty]
            self._dirty.clear()
            return [replace(note, points=dict(note.points)) for note in notes]

    def _write_one(self, runs: Runs, note: Note) -> None:
        try:
            write(runs, note)
        except RefusedError as error:  # `sync` tries once more in the end, and says what is wrong
            logger.warning("run of trial %s: %s", note.trial.id, error)
        with self._changed:
            if note.result and note.trial.id not in self._dirty:
                self._notes.pop(note.trial.id, None)
