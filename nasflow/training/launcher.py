"""The process that worker processes are forked from; run as `python -m nasflow.training.launcher FD TASK FAMILY`.

It imports torch once and forks a worker in milliseconds, as the standard library's fork server does, but runs none of
the caller's main module again (so scripts need no guard) and unpickles nothing. It computes nothing and starts no
thread, so that forking is safe. On its control socket it reads `fork TOKEN` (with the worker's end of a connection
attached) and `kill TOKEN`; it writes a line of JSON when it is ready, when a worker started and when one ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

PR_SET_PDEATHSIG = 1
"""`prctl` option of Linux: the signal that a process gets when its parent ends."""


class Server:
    """Forks, kills and collects workers.

    Args:
        control: Connection to the process that owns the workers.
    """

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.tokens: dict[int, int] = {}  # worker's process number -> token
        self._text = b""
        self._ends: list[int] = []
        self._wake, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup)

    def run(self) -> None:
        """Serve until the owner is gone; then end all workers."""
        try:
            self._tell({"ready": True})
            while self._serve():
                pass
        except ConnectionError:
            pass  # the owner is gone
        finally:
            for pid in self.tokens:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _serve(self) -> bool:
        control = self.control.fileno()
        ready, _, _ = select.select([control, self._wake], [], [])
        if self._wake in ready:
            os.read(self._wake, 4096)
            self._collect()
        if control not in ready:
            return True
        text, ends, _, _ = socket.recv_fds(self.control, 4096, 64)
        self._ends += ends
        *lines, self._text = (self._text + text).split(b"\n")
        for line in lines:
            order, token = line.split()
            if order == b"fork":
                self._fork(int(token), self._ends.pop(0))
            else:
                self._kill(int(token))
        return bool(text)

    def _fork(self, token: int, end: int) -> None:
        launcher = os.getpid()
        pid = os.fork()
        if pid == 0:
            _be_worker(end, launcher)
        os.close(end)
        self.tokens[pid] = token
        self._tell({"token": token, "pid": pid})

    def _kill(self, token: int) -> None:
        for pid, known in self.tokens.items():  # those collected are not there, so that no stranger's process is hit
            if known == token:
                os.kill(pid, signal.SIGKILL)

    def _collect(self) -> None:
        while self.tokens:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._tell({"token": self.tokens.pop(pid), "exit": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, Any]) -> None:
        self.control.sendall(json.dumps(message).encode() + b"\n")


def _be_worker(end: int, launcher: int) -> None:
    """Become a worker in the forked process; never returns."""
    from nasflow import logs
    from nasflow.training import worker

    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _end_with_parent(launcher)
        with logs.shown():
            try:
                worker.serve(Connection(end))
                code = 0
            except BaseException:
                logging.getLogger(__name__).exception("a worker ends by an error of its own")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_with_parent(parent: int) -> None:
    """Let this process end when its parent does, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Import what workers need, then serve."""
    descriptor, task, family = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner decides what an interrupt from the keyboard ends
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from nasflow.training import worker

    worker.preload(task, family)
    gc.collect()
    gc.freeze()  # keeps the collector from writing to pages that workers share
    Server(socket.socket(fileno=int(descriptor))).run()


if __name__ == "__main__":
    main(sys.argv[1:])
