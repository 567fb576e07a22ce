"""The workers of one call: who trains what, what became of it, and what follows."""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from nasflow import errors, logs
from nasflow.errors import IntegrityError, NasflowError
from nasflow.storage import Store
from nasflow.training.accumulation import more_parts, tried
from nasflow.training.checkpoint import Progress, read_progress
from nasflow.training.events import Event, TrialStarted, from_message
from nasflow.training.failures import describe_exit
from nasflow.training.job import TrainingJob, checkpoint_key
from nasflow.training.launching import Launcher
from nasflow.training.memory import GIB, largest_over, memory_kills, memory_limit
from nasflow.training.results import record, standing
from nasflow.trials import Status, Trial, TrialResult

BEGIN_SECONDS = 120.0
"""Longest time from handing a trial to a worker until it begins: opening the data and the store."""
WATCH_SECONDS = 0.25
"""Time between two looks at the workers' memory."""
_KILLED = -9


@dataclass(frozen=True)
class Failure:
    """How a trial failed.

    Attributes:
        status: Its status.
        cause: One sentence.
        certain: Whether it would fail again; else it may be due to its neighbours or to somebody outside.
    """

    status: Status
    cause: str
    certain: bool


@dataclass
class Seat:
    """A worker process and what it does.

    Attributes:
        number: Its number, from 0; it decides the GPU.
        token: What stands for it at the launcher.
        connection: Messages to and from it.
        pid: Its process number, once known.
        trial: What it trains, or None.
        given_at: When it was given the trial, monotonic seconds.
        begun_at: When it began it, monotonic seconds; None before.
        at: When it began it, Unix seconds.
        epochs: Epochs done.
        device: Kind of its device, once known.
        doomed: Why this process ended it, where it did.
        kills: Processes that the system had killed for memory when it was given the trial.
    """

    number: int
    token: int
    connection: Connection
    pid: int | None = None
    trial: Trial | None = None
    given_at: float = 0.0
    begun_at: float | None = None
    at: float = 0.0
    epochs: int = 0
    device: str = ""
    doomed: Failure | None = None
    kills: int = 0


class Crew:
    """Trains trials in worker processes until each has a result.

    A trial whose failure may be due to its neighbours (the memory that all share ran out) or to somebody outside
    (SIGKILL) is trained once more at the end, by a fresh worker that has the machine for itself, and goes on from its
    checkpoint; what happens then stands. So what is recorded does not hang on the number of workers. One that does not
    fit in memory even so begins anew, its batches cut into more and more parts, until it fits or they are too small.

    Args:
        job: What the trials have in common.
        store: The store of the job.
        launcher: Starts the workers.
        cost: Parameters and FLOPs of a trial, as they stand in a result.
        on_event: Told when trials start and after each epoch.
        finish: Told of each result once it is in the store.
        stop: Whether to train no further; asked several times a second.
    """

    def __init__(
        self,
        job: TrainingJob,
        store: Store,
        launcher: Launcher,
        *,
        cost: Callable[[Trial], Mapping[str, float]],
        on_event: Callable[[Event], None],
        finish: Callable[[Trial, TrialResult], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._job, self._store, self._launcher = job, store, launcher
        self._cost, self._on_event, self._finish, self._stop = cost, on_event, finish, stop
        self._limit = memory_limit(job.config.resources)
        self._seats: dict[int, Seat] = {}
        self._queue: deque[Trial] = deque()
        self._alone: deque[Trial] = deque()
        self._second: set[str] = set()
        self._parts: dict[str, int] = {}
        self._told: list[Callable[[], None]] = []

    def run(self, trials: Iterable[Trial]) -> None:
        """Train all, in the order given as far as workers are free; once it is to stop, what is under way is left.

        Raises:
            StorageError: A result or checkpoint cannot be read or written.
            SearchError: Worker processes cannot be started, or their launcher was lost.
        """
        self._queue.extend(trials)
        try:
            while (self._queue or self._alone or self._busy) and not self._stop():
                self._fill()
                self._deliver()
                self._wait()
                self._end_late()
                self._watch_memory()
            for seat in self._busy:
                self._launcher.kill(seat.token)
                self._hear_out(seat)
            self._deliver()
        finally:
            for seat in self._seats.values():
                seat.connection.close()  # an idle worker ends by itself then

    @property
    def _busy(self) -> list[Seat]:
        return [seat for seat in self._seats.values() if seat.trial is not None]

    def _hear_out(self, seat: Seat) -> None:
        """Take what a worker that is ended had still to say: its result may be in the store already."""
        while not seat.connection.closed and seat.connection.poll():
            self._read(seat)
        trial = seat.trial
        known = standing(self._store, trial.id, self._job.keep_weights) if trial is not None else None
        if trial is not None and known is not None:
            self._told.append(lambda: self._finish(trial, known))

    def _fill(self) -> None:
        """Give every free worker a trial, and start workers where some are missing."""
        idle = [seat for seat in self._seats.values() if seat.trial is None and seat.doomed is None]
        for seat in idle:
            if self._queue:
                self._give(seat, self._queue.popleft())
        while self._queue and len(self._seats) < self._job.config.workers:
            self._give(self._start(), self._queue.popleft())
        if self._queue or self._busy or not self._alone:
            return
        if self._seats:
            for seat in self._seats.values():
                self._end(seat, Failure(Status.CRASHED, "", certain=True))
        else:
            self._give(self._start(), self._alone.popleft())

    def _start(self) -> Seat:
        taken = {seat.number for seat in self._seats.values()}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        token, connection = self._launcher.fork()
        self._seats[token] = seat = Seat(number, token, connection)
        _send(seat, {"job": self._job.to_json(), "worker": number})
        return seat

    def _give(self, seat: Seat, trial: Trial) -> None:
        seat.trial, seat.given_at, seat.begun_at, seat.at, seat.epochs = trial, time.monotonic(), None, time.time(), 0
        seat.kills = memory_kills()
        about = logs.fields() | {"trial": trial.id}
        _send(seat, {"trial": trial.to_json(), "accumulation": self._parts.get(trial.id), "about": about})

    def _wait(self) -> None:
        """Sleep until a worker or the launcher says something, or something is due."""
        now = time.monotonic()
        due = [self._deadline(seat) - now for seat in self._busy if seat.doomed is None]
        ready = wait(
            [self._launcher.control, *(seat.connection for seat in self._seats.values() if not seat.connection.closed)],
            timeout=max(0.0, min([WATCH_SECONDS, *due])),
        )
        for seat in list(self._seats.values()):
            if seat.connection in ready:
                self._read(seat)
        if self._launcher.control in ready:
            for message in self._launcher.news():
                self._hear(message)

    def _hear(self, message: Mapping[str, Any]) -> None:
        """Take news of the launcher: a worker has started or ended."""
        seat = self._seats.get(message["token"])
        if seat is None:
            return  # a worker of an earlier call
        if "pid" in message:
            seat.pid = message["pid"]
            return
        while not seat.connection.closed and seat.connection.poll():
            self._read(seat)
        seat.connection.close()
        del self._seats[seat.token]
        if seat.trial is not None:
            self._fail(seat.trial, seat, seat.doomed or self._death(seat, message["exit"]))

    def _read(self, seat: Seat) -> None:
        """Take one message of a worker."""
        try:
            message = json.loads(seat.connection.recv_bytes())
        except (EOFError, OSError):
            seat.connection.close()
            self._launcher.kill(seat.token)  # most likely it has ended already; the launcher will tell how
            return
        if message["kind"] == "broken":
            raise rebuilt(message)
        if message["kind"] == "finished":
            self._finished(seat, TrialResult.from_json(message["result"]), message["recorded"])
            return
        event = from_message(message)
        if isinstance(event, TrialStarted):
            seat.begun_at, seat.at, seat.epochs = time.monotonic(), event.at, event.resumed_epoch
            seat.device = message["device"]
        else:
            seat.epochs = event.point.epoch
        self._told.append(lambda: self._on_event(event))

    def _finished(self, seat: Seat, result: TrialResult, recorded: bool) -> None:
        trial = seat.trial
        if trial is None:
            return
        if not recorded:
            failure = Failure(result.status, result.cause, certain=len(self._busy) == 1)
            self._fail(trial, seat, failure)
        else:
            self._told.append(lambda: self._finish(trial, result))
        seat.trial = None
        if result.status.failed and result.status is not Status.NOT_FINITE:
            seat.doomed = Failure(result.status, "", certain=True)  # it ends by itself

    def _fail(self, trial: Trial, seat: Seat, failure: Failure) -> None:
        """Record a failure that stands, or let the trial have its second chance."""
        known = standing(self._store, trial.id, self._job.keep_weights)
        if known is not None:  # its worker was lost just after it had written the result
            self._told.append(lambda: self._finish(trial, known))
            return
        if not failure.certain and trial.id not in self._second:
            self._second.add(trial.id)
            self._alone.append(trial)
            return
        progress, cause = self._progress(trial), failure.cause
        if failure.status is Status.OUT_OF_MEMORY:
            parts = max(progress.accumulation, self._parts.get(trial.id, 1))
            if self._cut(trial, parts):
                return
            cause = tried(cause, parts, self._batch_size(trial))
        curve = progress.curve
        metrics = {**self._cost(trial), "train_seconds": sum(p.finished_at - p.started_at for p in curve)}
        result = TrialResult(trial.id, failure.status, metrics, curve, cause, seat.at, time.time(), seat.device)
        recorded = record(self._store, result, self._job.keep_weights)
        self._told.append(lambda: self._finish(trial, recorded))

    def _cut(self, trial: Trial, parts: int) -> bool:
        """Let a trial begin anew, alone, with more parts a batch; return whether there can be more."""
        more = more_parts(parts, self._batch_size(trial))
        if more is None:
            return False
        self._parts[trial.id] = more
        self._store.delete(checkpoint_key(trial.id))  # its epochs had fewer parts: the result hangs on one number alone
        self._alone.append(trial)
        return True

    def _batch_size(self, trial: Trial) -> int:
        return self._job.config.training.with_choices(trial.architecture.recipe).batch_size

    def _progress(self, trial: Trial) -> Progress:
        key, none = checkpoint_key(trial.id), Progress(trial.id, (), {}, 0.0)
        try:
            content = self._store.get(key)
            return read_progress(key, content) if content is not None else none
        except IntegrityError:
            return none

    def _deliver(self) -> None:
        """Tell the caller what has happened; workers have their next trials by then, so a slow caller stops none."""
        told, self._told = self._told, []
        for tell in told:
            tell()

    def _deadline(self, seat: Seat) -> float:
        """Return the monotonic second at which a busy worker is late."""
        if seat.begun_at is None:
            return seat.given_at + BEGIN_SECONDS
        limit = self._job.config.budget.trial_seconds
        return seat.begun_at + limit if limit is not None else float("inf")

    def _end_late(self) -> None:
        for seat in self._busy:
            if seat.doomed is not None or time.monotonic() < self._deadline(seat):
                continue
            if seat.begun_at is None:
                cause = f"its worker did not begin it within {BEGIN_SECONDS:.0f} seconds"
                self._end(seat, Failure(Status.CRASHED, cause, certain=False))
            else:
                cause = f"it took longer than budget.trial_seconds, {self._job.config.budget.trial_seconds:g} seconds"
                self._end(seat, Failure(Status.TIMED_OUT, cause, certain=True))

    def _watch_memory(self) -> None:
        """End the worker that uses most where all together use more than they may."""
        seats = {seat.pid: seat for seat in self._busy if seat.pid is not None and seat.doomed is None}
        pid = largest_over(seats, self._limit)
        if pid is None:
            return
        cause = f"it needed more memory than the {self._limit / GIB:.2f} GiB that a training task may use"
        self._end(seats[pid], Failure(Status.OUT_OF_MEMORY, cause, certain=len(seats) == 1))

    def _end(self, seat: Seat, failure: Failure) -> None:
        """Kill a worker; what follows is done when the launcher tells of its end."""
        if seat.doomed is None:
            seat.doomed = failure
            self._launcher.kill(seat.token)

    def _death(self, seat: Seat, code: int) -> Failure:
        """Return what the unforeseen end of a worker says of its trial."""
        where = f"in epoch {seat.epochs + 1}" if seat.begun_at is not None else "before the trial began"
        cause = f"its worker process {describe_exit(code)} {where}"
        if code == _KILLED and memory_kills() > seat.kills:
            return Failure(Status.OUT_OF_MEMORY, f"{cause}, since the system ran out of memory", certain=False)
        if code == _KILLED:
            cause += "; the system does so when memory runs out"
        return Failure(Status.CRASHED, cause, certain=code != _KILLED and seat.begun_at is not None)


def _send(seat: Seat, message: Mapping[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended; the launcher will tell how
        seat.connection.send_bytes(json.dumps(message).encode())


def rebuilt(message: Mapping[str, Any]) -> NasflowError:
    """Return the error that a worker could not go on for, from its message."""
    kind, text = getattr(errors, message["error"], NasflowError), message["text"]
    return errors.ConfigError(text.splitlines()) if kind is errors.ConfigError else kind(text)
