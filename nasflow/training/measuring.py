"""Measuring networks before they are trained, one after the other in a process of its own."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from nasflow.data.bundle import DataBundle
from nasflow.errors import NasflowError
from nasflow.exporting.measuring import measured_values
from nasflow.spaces import Architecture
from nasflow.tasks.loading import load_task
from nasflow.training.crew import rebuilt
from nasflow.training.failures import classify, describe_exit
from nasflow.training.job import TrainingJob
from nasflow.training.launching import Launcher, borrowed
from nasflow.trials import Status

NETWORK_SECONDS = 120.0
"""Longest time that building, exporting and measuring one network may take."""


@dataclass(frozen=True)
class Measurement:
    """What came of measuring a network.

    Attributes:
        architecture: The network.
        values: What was measured, by objective; empty where it failed.
        status: How it failed; `COMPLETED` where it did not.
        cause: Why it failed, in one sentence; empty where it did not.
    """

    architecture: Architecture
    values: Mapping[str, float]
    status: Status = Status.COMPLETED
    cause: str = ""


def measure_networks(
    job: TrainingJob,
    architectures: Sequence[Architecture],
    names: Sequence[str],
    found: Callable[[Measurement], None],
    seconds: float = NETWORK_SECONDS,
) -> None:
    """Measure networks with fresh weights while nothing of this call trains.

    They are measured one at a time, in a process forked from that of the training workers. One that cannot be built,
    exported or run is told as a failure, and the others go on; one during which the process dies is tried once more.

    Args:
        job: Data and task.
        architectures: The networks.
        names: The measured objectives.
        found: Told of each network as soon as it is done, in order.
        seconds: Longest time for one network.

    Raises:
        SearchError: The process cannot be started, or its launcher was lost.
        IntegrityError: The prepared data are missing.
        PluginError: The task is unknown.
    """
    if not architectures:
        return
    with borrowed(job.config) as launcher, contextlib.closing(_Bench(launcher, job, names, seconds)) as bench:
        for architecture in architectures:
            measurement = bench.measured(architecture)
            if measurement is None:
                measurement = bench.measured(architecture)
            found(measurement or Measurement(architecture, {}, Status.CRASHED, f"its process {bench.ending}"))


class _Bench:
    """The owner's side of the process that measures: started when a network comes and there is none."""

    def __init__(self, launcher: Launcher, job: TrainingJob, names: Sequence[str], seconds: float) -> None:
        self._launcher, self._seconds = launcher, seconds
        self._first = {"measure": list(names), "job": job.to_json()}
        self._token = 0
        self._connection: Connection | None = None
        self.ending = ""

    def measured(self, architecture: Architecture) -> Measurement | None:
        """Return what came of a network, or None where the process died; `ending` says how then."""
        connection = self._connection or self._start()
        try:
            _send(connection, {"architecture": architecture.to_json()})
            if not wait([connection], timeout=self._seconds):
                self._end(connection)
                cause = f"it could not be measured within {self._seconds:g} seconds"
                return Measurement(architecture, {}, Status.TIMED_OUT, cause)
            answer = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            self._end(connection)
            return None
        if answer.get("kind") == "broken":
            raise rebuilt(answer)
        return Measurement(architecture, answer["values"], Status(answer["status"]), answer["cause"])

    def _start(self) -> Connection:
        self._token, self._connection = self._launcher.fork()
        with contextlib.suppress(OSError):  # it ended; that is found when it is to answer
            _send(self._connection, self._first)
        return self._connection

    def _end(self, connection: Connection) -> None:
        """Make sure that the process has ended, and keep how."""
        connection.close()
        self._connection = None
        self._launcher.kill(self._token)
        while True:
            for news in self._launcher.news():
                if news.get("token") == self._token and "exit" in news:
                    self.ending = describe_exit(news["exit"])
                    return

    def close(self) -> None:
        """Let the process end."""
        if self._connection is not None:
            self._connection.close()


def serve(first: Mapping[str, Any], connection: Connection) -> None:
    """Measure every network that comes over a connection, in the process forked for it.

    Args:
        first: The message that asked for it: the objectives in `measure`, and the `job`.
        connection: JSON messages: architectures, and what came of each.
    """
    job = TrainingJob.from_json(first["job"])
    task, bundle = load_task(job.config), DataBundle.open(job.bundle, verify=False)
    while True:
        try:
            architecture = Architecture.from_json(json.loads(connection.recv_bytes())["architecture"])
        except (EOFError, ConnectionError):
            return
        values: dict[str, float] = {}
        status, cause = Status.COMPLETED, ""
        try:
            values = measured_values(task, bundle, architecture, first["measure"])
        except NasflowError as error:
            status, cause = Status.CRASHED, str(error)
        except Exception as error:  # the family's code, a stranger's, raises what it likes
            status, cause = classify(error)
        try:
            _send(connection, {"values": values, "status": str(status), "cause": cause})
        except ConnectionError:
            return  # the owner is gone
        gc.collect()


def _send(connection: Connection, message: Mapping[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())
