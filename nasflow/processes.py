"""Who a process is, so that another one can tell whether it still lives, even after its number was given away again."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import psutil

from nasflow.ids import digest

_LOOK_SECONDS = 2.0
_POLL_SECONDS = 0.25


@cache
def machine() -> str:
    """Return a hash of this machine: its name, its boot, and the space that its process numbers are from."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    except OSError:
        pass  # no such thing on this system: the name has to do
    return digest(parts)


def start_of(pid: int) -> str | None:
    """Return a text that differs between two processes which had the same number, or None where none runs.

    On Linux it is the kernel's own count since boot, which a corrected clock does not shift. A process that has ended
    but was not yet collected by its parent counts as gone.
    """
    try:
        if Path("/proc/self/stat").exists():
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            return None if fields[0] in "ZX" else f"ticks:{fields[19]}"
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"seconds:{process.create_time():.0f}"
    except (OSError, psutil.NoSuchProcess):
        return None


@dataclass(frozen=True)
class ProcessStamp:
    """What tells one process from all others.

    Attributes:
        host: Name of its machine, for people.
        machine: Hash of its machine.
        pid: Its number there.
        started: When it started, in the form of `start_of`.
    """

    host: str
    machine: str
    pid: int
    started: str

    @classmethod
    def here(cls) -> Self:
        """Return the stamp of the calling process."""
        return cls(socket.gethostname(), machine(), os.getpid(), start_of(os.getpid()) or "")

    @property
    def local(self) -> bool:
        """Whether the process ran on this machine, so that `alive` can tell."""
        return self.machine == machine()

    @property
    def alive(self) -> bool:
        """Whether the process runs; only to be asked on its own machine."""
        return start_of(self.pid) == self.started

    def await_end(self) -> None:
        """Wait until the process has ended; only to be asked on its own machine."""
        try:
            told = [os.pidfd_open(self.pid)] if hasattr(os, "pidfd_open") else []
        except OSError:
            told = []
        try:
            while self.alive:
                if told:
                    select.select(told, [], [], _LOOK_SECONDS)
                else:
                    time.sleep(_POLL_SECONDS)
        finally:
            for descriptor in told:
                os.close(descriptor)

    def to_json(self) -> dict[str, Any]:
        """Return the stamp as JSON-compatible data."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `to_json` gave, from a document that may hold more.

        Raises:
            KeyError: A part is missing.
            TypeError: The document is no mapping.
            ValueError: The process number is none.
        """
        return cls(str(document["host"]), str(document["machine"]), int(document["pid"]), str(document["started"]))


def end_with(process: ProcessStamp) -> None:
    """Let this process end at once, with exit code 1, when another one of this machine does, or has."""
    if not process.alive:
        os._exit(1)
    threading.Thread(target=_end_after, args=(process,), name="nasflow-end-with", daemon=True).start()


def _end_after(process: ProcessStamp) -> None:
    process.await_end()
    os._exit(1)  # nobody waits for this process any more; what it has finished is kept


def shared_lock(path: Path) -> None:
    """Hold a shared lock on a file for as long as this process lives."""
    import fcntl

    fcntl.flock(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), fcntl.LOCK_SH)


def await_unlocked(path: Path, seconds: float) -> bool:
    """Wait until nobody holds a lock on a file; return whether that came about within so many seconds."""
    import fcntl

    with path.open("ab") as file:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
            else:
                return True
