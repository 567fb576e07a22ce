"""The owner's side of the process that workers are forked from."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from nasflow.config import SearchConfig
from nasflow.errors import SearchError

START_SECONDS = 120
"""Longest time that importing torch and the plug-ins may take."""
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
"""For glibc: keep freed activations instead of asking the system for the same pages at each step, which takes up to a
quarter of the time; a worker gives them back after each trial."""
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # each worker sets its own number; a launcher without threads can fork safely
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS repeats its results exactly only with a fixed workspace
}


class Launcher:
    """A process that forks workers; it and they end when this process does.

    Args:
        task: Name of the task to import beforehand.
        family: Name of the family to import beforehand.
    """

    def __init__(self, task: str, family: str) -> None:
        self.paths = _paths()
        self._owner = os.getpid()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nasflow.training.launcher", str(theirs.fileno()), task, family],
                pass_fds=[theirs.fileno()],
                env={**_ALLOCATOR, **os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(self.paths)},
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__.fileno() if sys.__stderr__ is not None else subprocess.DEVNULL,
            )
        self._control = ours
        self._text = b""
        self._tokens = 0
        self._ready = False
        atexit.register(self.close)

    @property
    def control(self) -> socket.socket:
        """What becomes readable when `news` has something."""
        return self._control

    @property
    def usable(self) -> bool:
        """Whether it is this process's own, lives, and imports from where this process would import now."""
        return self._owner == os.getpid() and self._process.poll() is None and self.paths == _paths()

    def fork(self) -> tuple[int, Connection]:
        """Start a worker; return the token that stands for it, and the connection to it.

        Raises:
            SearchError: The launcher does not start, or is gone.
        """
        self._await_ready()
        self._tokens += 1
        ours, theirs = socket.socketpair()
        with theirs, _lost():
            socket.send_fds(self._control, [f"fork {self._tokens}\n".encode()], [theirs.fileno()])
        return self._tokens, Connection(ours.detach())

    def kill(self, token: int) -> None:
        """End a worker at once; nothing happens where it is gone.

        Raises:
            SearchError: The launcher is gone.
        """
        with _lost():
            self._control.sendall(f"kill {token}\n".encode())

    def news(self) -> list[dict[str, Any]]:
        """Return what the launcher told: `token` with `pid` for a worker that started, with `exit` for one that ended.

        Raises:
            SearchError: The launcher is gone.
        """
        with _lost():
            text = self._control.recv(65536)
            if not text:
                raise ConnectionResetError
        *lines, self._text = (self._text + text).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """End the launcher and its workers."""
        atexit.unregister(self.close)
        self._control.close()
        if self._owner != os.getpid():
            return  # this process was forked from the owner
        if not self._ready:
            self._process.kill()  # it has no workers yet, and would finish its imports first
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._ready:
            if not wait([self._control], timeout=max(0.0, deadline - time.monotonic())):
                raise SearchError(
                    f"the training workers did not start within {START_SECONDS} seconds: importing torch, the task or "
                    f"the family hangs, or the machine is overloaded."
                )
            try:
                self._ready = any("ready" in message for message in self.news())
            except SearchError:
                code = self._process.wait()
                raise SearchError(
                    f"the training workers cannot start: their launcher ended with exit code {code}; "
                    f"its output above says why."
                ) from None


_idle: list[Launcher] = []


def warm_up(config: SearchConfig) -> None:
    """Begin to import torch for the workers of a later `run_trials`, without waiting for it."""
    if not any(launcher.usable for launcher in _idle):
        _idle.append(Launcher(config.task.name, config.space.family))


@contextlib.contextmanager
def borrowed(config: SearchConfig) -> Iterator[Launcher]:
    """Lend a launcher, for a `with` statement; it is kept for the next call unless this one fails."""
    launcher = _take() or Launcher(config.task.name, config.space.family)
    try:
        yield launcher
    except BaseException:
        launcher.close()
        raise
    _idle.append(launcher)


def release() -> None:
    """End the launchers that are kept for later calls, which gives back their memory."""
    while _idle:
        _idle.pop().close()


def _take() -> Launcher | None:
    while _idle:
        launcher = _idle.pop()
        if launcher.usable:
            return launcher
        launcher.close()
    return None


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except ConnectionError as error:
        raise SearchError(
            "the process that starts training workers was lost; "
            "run the same command again to go on from the last epochs."
        ) from error


def _paths() -> list[str]:
    return [path or os.getcwd() for path in sys.path]  # noqa: PTH109
