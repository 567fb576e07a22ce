"""One holder a search: a lease in the store that names who works on it.

A holder that died on this machine is replaced at once. Elsewhere nobody can look: there a lease ends when it was not
renewed for 60 seconds. Every change is a compare-and-swap, so of several who want the same lease one gets it.
"""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Self

from nasflow.errors import HeldError, IntegrityError, StorageError
from nasflow.processes import ProcessStamp
from nasflow.storage import Store
from nasflow.storage.documents import pack, unpack

HOLDER_VARIABLE = "NASFLOW_HOLDER"
"""Environment variable that lets child processes act under the lease of the process that started them."""

RENEW_SECONDS = 20.0
EXPIRE_SECONDS = 60.0
_ATTEMPTS = 20


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        process: The holding process.
        command: What it runs, for people.
        token: A random text that nobody else has.
        since: Unix seconds at which it took the lease.
        renewed: Unix seconds of its last sign of life, by its own clock.
        released: Whether it has given the lease back.
    """

    process: ProcessStamp
    command: str
    token: str
    since: float
    renewed: float
    released: bool = False

    @classmethod
    def here(cls, command: str | None = None) -> Self:
        """Return this process as a new holder."""
        now = time.time()
        text = shlex.join(sys.argv) if command is None else command
        text = text.encode(errors="replace").decode()[:300]
        return cls(ProcessStamp.here(), text, secrets.token_hex(8), now, now)

    @property
    def description(self) -> str:
        """Say who it is, in part of a sentence."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.process.pid} on '{self.process.host}' since {since} (command: {self.command})"

    def gone(self, now: float) -> bool:
        """Whether it has ended, on this machine, or given no sign of life for as long as a lease lasts, elsewhere.

        Args:
            now: Unix seconds; another machine's clock may differ, so a lease is not taken over by this alone.
        """
        if self.process.local:
            return not self.process.alive
        return abs(now - self.renewed) >= EXPIRE_SECONDS

    def pack(self) -> bytes:
        """Return the content of the lease."""
        return pack(
            {
                "schema_version": 1,
                **self.process.to_json(),
                "command": self.command,
                "token": self.token,
                "since": self.since,
                "renewed": self.renewed,
                "released": self.released,
            }
        )

    @classmethod
    def unpack(cls, key: str, content: bytes) -> Self:
        """Read the content of a lease.

        Raises:
            IntegrityError: It was cut or altered.
        """
        document: dict[str, Any] = unpack(key, content)
        try:
            return cls(
                ProcessStamp.from_json(document),
                str(document["command"]),
                str(document["token"]),
                float(document["since"]),
                float(document["renewed"]),
                bool(document["released"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"the lease '{key}' lacks a part ({error}); delete it and run again.") from error


class Lease:
    """A lease that this process holds, or acts under; made by `hold`.

    Attributes:
        token: What a child process needs in `NASFLOW_HOLDER` to act under this lease.
        own: Whether this process took it; otherwise the process that started it did.
    """

    def __init__(self, store: Store, key: str, holder: Holder, own: bool) -> None:
        self.token = holder.token
        self.own = own
        self._store = store
        self._key = key
        self._holder = holder
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="nasflow-lease", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether somebody else has taken the lease; then nothing may be written any more."""
        return self._lost.is_set()

    def check(self) -> None:
        """Look at the lease now, and renew it where it is this process's own.

        Raises:
            HeldError: Somebody else has taken it.
            StorageError: The store cannot be reached.
        """
        with self._lock:
            taken_by = self._renew() if self.own else self._look()
        if taken_by is not None:
            self._lost.set()
            raise HeldError(f"this process has lost the search to {taken_by}; it stops, and the other one goes on.")

    def _renew(self) -> str | None:
        """Prolong the lease; return who has it instead, or None."""
        renewed = replace(self._holder, renewed=time.time())
        if self._store.replace(self._key, self._holder.pack(), renewed.pack()):
            self._holder = renewed
            return None
        return self._look()

    def _look(self) -> str | None:
        content = self._store.get(self._key)
        present = Holder.unpack(self._key, content) if content is not None else None
        if present is None or present.token != self.token or present.released:
            return present.description if present and not present.released else "nobody (its lease was taken away)"
        self._holder = present
        return "nobody (the process that held it has ended)" if _ended(present) else None

    def _watch(self) -> None:
        while not self._ended.wait(RENEW_SECONDS) and not self.lost:
            with suppress(StorageError, HeldError):  # a store that is away may come back; a loss is kept in `lost`
                self.check()

    def _start(self) -> None:
        self._thread.start()

    def _end(self) -> None:
        self._ended.set()
        if self.own:
            with self._lock, suppress(StorageError):  # unreleased, it ends with this process all the same
                self._store.replace(self._key, self._holder.pack(), replace(self._holder, released=True).pack())


@contextmanager
def hold(store: Store, key: str, holder: Holder | None = None, purpose: str = "the search") -> Iterator[Lease]:
    """Hold a search while the context lasts.

    A process that was started under the lease (`NASFLOW_HOLDER`) shares it, and leaves it to its owner in the end.

    Args:
        store: Where the lease is.
        key: Its key, such as `searches/<id>/lease.json`.
        holder: Who takes it; by default this process with its command line.
        purpose: What is held, for the message: `search 'digits'`.

    Raises:
        HeldError: Somebody else holds it; the text says who, and what to do.
        StorageError: The store cannot be used.
    """
    lease = inherited(store, key) or _acquire(store, key, holder or Holder.here(), purpose)
    lease._start()
    try:
        yield lease
    finally:
        lease._end()


def inherited(store: Store, key: str) -> Lease | None:
    """Return the lease that this process was started under, or None where it was not, or the lease is no longer that.

    Raises:
        StorageError: The store cannot be read.
    """
    token = os.environ.get(HOLDER_VARIABLE)
    content = store.get(key) if token else None
    if content is None:
        return None
    present = Holder.unpack(key, content)
    if present.token != token or present.released or _ended(present):
        return None
    return Lease(store, key, present, own=False)


def _acquire(store: Store, key: str, holder: Holder, purpose: str, wait: Callable[[float], None] = time.sleep) -> Lease:
    for _ in range(_ATTEMPTS):
        content = store.get(key)
        if content is None:
            if store.put_if_absent(key, holder.pack()):
                return Lease(store, key, holder, own=True)
            continue
        present = Holder.unpack(key, content)
        if not (present.released or _ended(present)):
            _refuse_unless_silent(store, key, present, purpose, wait)
        if store.replace(key, content, holder.pack()):
            return Lease(store, key, holder, own=True)
    raise HeldError(f"several processes want {purpose} at the same moment; run the command again.")


def _ended(present: Holder) -> bool:
    return present.process.local and not present.process.alive


def _refuse_unless_silent(store: Store, key: str, present: Holder, purpose: str, wait: Callable[[float], None]) -> None:
    """Return only where the lease of another machine has expired.

    Clocks of machines differ: a lease that looks expired is watched for longer than a living holder takes to renew it.
    """
    held = f"{purpose} is held by {present.description}; "
    if present.process.local:
        raise HeldError(f"{held}wait until it ends, or stop that process, and run the same command again.")
    if abs(time.time() - present.renewed) >= EXPIRE_SECONDS:
        wait(1.25 * RENEW_SECONDS)
        if store.get(key) == present.pack():
            return
    raise HeldError(
        f"{held}wait until it ends, or stop it; if it is gone already, run the same command again "
        f"{EXPIRE_SECONDS:.0f} seconds after its last sign of life."
    )
