"""A worker process: it takes trials over its connection and trains them, one after the other."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
from multiprocessing.connection import Connection
from typing import Any

import torch

from nasflow import logs, plugins
from nasflow.errors import NasflowError, PluginError
from nasflow.training import measuring
from nasflow.training.bench import Bench
from nasflow.training.events import EpochFinished, TrialStarted, to_message
from nasflow.training.job import TrainingJob
from nasflow.training.loop import train
from nasflow.training.results import record
from nasflow.trials import Status, Trial


def preload(task: str, family: str) -> None:
    """Import what the first trial would, in the process that workers are forked from; nothing is computed.

    What cannot be imported is left for the worker to report.
    """
    import safetensors.torch  # noqa: F401

    torch.set_num_threads(1)
    torch.backends.cpu.get_cpu_capability()
    with contextlib.suppress(PluginError):
        plugins.load("tasks", task)
    with contextlib.suppress(PluginError):
        plugins.load("families", family)


def serve(connection: Connection) -> None:
    """Work until the other end closes the connection.

    The first message is the job and the worker's number, every further one a trial, with the parts that its batches
    are cut into where that is known; or it asks for measuring, see `measuring.serve`. Answers are the events of the
    trial, then its result. After a failure that may have left the process in a bad state, the worker ends.

    Args:
        connection: JSON messages, to and from the process that owns the worker.
    """
    try:
        first = _receive(connection)
        if first is None:
            return
        if "measure" in first:
            measuring.serve(first, connection)
            return
        bench = Bench.open(TrainingJob.from_json(first["job"]), first["worker"])
        while (message := _receive(connection)) is not None:
            with logs.about(**message.get("about", {})):
                status = _train(message, bench, connection)
            if status.failed:
                return
            _give_back()
    except NasflowError as error:
        _send(connection, {"kind": "broken", "error": type(error).__name__, "text": str(error)})


def _train(message: dict[str, Any], bench: Bench, connection: Connection) -> Status:
    """Train and report; return a status that says whether this process is still good."""
    trial = Trial.from_json(message["trial"])

    def report(event: TrialStarted | EpochFinished) -> None:
        _send(connection, to_message(event) | {"device": bench.device.kind})

    result = train(trial, bench, report, message.get("accumulation"))
    recorded = result.status is not Status.OUT_OF_MEMORY  # that one may be due to the other workers: the owner decides
    if recorded:
        result = record(bench.store, result, bench.job.keep_weights)
    _send(connection, {"kind": "finished", "result": result.to_json(), "recorded": recorded})
    return Status.COMPLETED if result.status is Status.NOT_FINITE else result.status


def _give_back() -> None:
    """Free what the trial has left, to the system too, where the C library can: others need the memory."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _receive(connection: Connection) -> dict[str, Any] | None:
    try:
        message: dict[str, Any] = json.loads(connection.recv_bytes())
    except (EOFError, ConnectionError):
        return None
    return message


def _send(connection: Connection, message: dict[str, Any]) -> None:
    try:
        connection.send_bytes(json.dumps(message, allow_nan=False).encode())
    except (BrokenPipeError, ConnectionError):
        os._exit(0)  # the owner is gone: nobody can want the rest
