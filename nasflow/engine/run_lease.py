"""The lease of a search on a cluster: a run of Kubeflow Pipelines holds it, by whichever of its pods live.

A pod cannot look whether another pod lives. So the lease is kept up by signs of life, one every 20 seconds from each
pod of the run; between two steps there may be none for a while. Another run, or a command elsewhere, takes it over once
it has watched it unchanged for 60 seconds, by its own clock, which need not agree with any other. Every change is a
compare-and-swap: of two who want it one gets it, and a pod whose run has lost it notices when it next renews it, and
ends.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from nasflow.engine.lease import EXPIRE_SECONDS, RENEW_SECONDS, Holder
from nasflow.errors import HeldError, StorageError
from nasflow.storage import Store

RUN_VARIABLE = "NASFLOW_RUN"
"""Environment variable with the id of the run that a pod is part of; absent where there is no cluster."""

LOOK_SECONDS = 2.0


def keep_for_run(store: Store, key: str, purpose: str) -> RunLease | None:
    """Hold a search for the run that this pod is part of, as long as this process lives.

    Args:
        store: Where the lease is.
        key: Its key, such as `searches/<id>/lease.json`.
        purpose: What is held, for the message: `search 'digits'`.

    Returns:
        The lease, or None where this is no pod of a run.

    Raises:
        HeldError: Somebody else holds it, and lives.
        StorageError: The store cannot be used.
    """
    run = os.environ.get(RUN_VARIABLE)
    if not run:
        return None
    lease = RunLease(store, key, run)
    lease.take(purpose)
    lease.keep()
    return lease


class RunLease:
    """The lease that all pods of one run share.

    Args:
        store: Where it is.
        key: Its key.
        run: Id of the run.
    """

    def __init__(self, store: Store, key: str, run: str) -> None:
        self._store, self._key = store, key
        self._here = replace(Holder.here(f"run {run} of Kubeflow Pipelines"), token=f"run-{run}")

    def take(
        self, purpose: str, wait: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take it, or share what another pod of this run has taken; wait for the end of one that is silent.

        Args:
            purpose: What is held.
            wait: Waits for so many seconds.
            clock: Tells seconds.

        Raises:
            HeldError: Somebody else holds it, and lives.
        """
        watched: tuple[bytes, float] | None = None
        while True:
            content = self._store.get(self._key)
            if content is None:
                if self._store.put_if_absent(self._key, self._renewed(None)):
                    return
                continue
            present = Holder.unpack(self._key, content)
            known = present.token == self._here.token
            ended = present.released or (present.process.local and not present.process.alive)
            silent = watched is not None and watched[0] == content and clock() - watched[1] >= EXPIRE_SECONDS
            if known or ended or silent:
                if self._store.replace(self._key, content, self._renewed(present if known else None)):
                    return
                continue
            if present.process.local or (watched is not None and watched[0] != content):
                raise HeldError(
                    f"{purpose} is held by {present.description}, which lives; wait until it ends, or stop it (a run: "
                    f"'nasflow cancel'), and submit again."
                )
            watched = watched or (content, clock())
            wait(LOOK_SECONDS)

    def renew(self) -> str | None:
        """Give a sign of life; return who has the lease instead, or None.

        Raises:
            StorageError: The store cannot be reached.
        """
        while True:
            content = self._store.get(self._key)
            present = Holder.unpack(self._key, content) if content is not None else None
            if content is None or present is None or present.released:
                return "nobody (its lease was taken away)"
            if present.token != self._here.token:
                return present.description
            if self._store.replace(self._key, content, self._renewed(present)):
                return None  # otherwise another pod of this run was faster

    def keep(self) -> None:
        """Go on giving signs of life from another thread; where the lease is lost, this process ends at once."""
        threading.Thread(target=self._keep, name="nasflow-run-lease", daemon=True).start()

    def _keep(self) -> None:
        other: str | None = None
        while other is None:
            time.sleep(RENEW_SECONDS)
            with suppress(StorageError):  # a store that is away may come back, and meanwhile nobody can take it
                other = self.renew()
        sys.stderr.write(f"nasflow: this run has lost the search to {other}; it stops, and the other one goes on.\n")
        sys.stderr.flush()
        os._exit(HeldError.exit_code)

    def _renewed(self, present: Holder | None) -> bytes:
        since = present.since if present is not None else time.time()
        return replace(self._here, since=since, renewed=time.time()).pack()
