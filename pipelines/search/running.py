"""Starting the local pipeline in a process of its own, and telling how it ended."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.delivery.delivering import Delivery, delivered
from nasflow.engine.door import Admitted, Progress, admit
from nasflow.engine.lease import HOLDER_VARIABLE, hold
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.runs import begin_run
from nasflow.engine.status import SearchStatus, StatusReader
from nasflow.engine.steps import ALIVE_FILE, DRIVER, ERROR_FILE, FOLDER, this_process
from nasflow.errors import HeldError, NasflowError, SearchError, UserError
from nasflow.pipelines.docker.containers import Containers, prepared_for
from nasflow.processes import await_unlocked

_POLL_SECONDS = 0.5
_ERROR = re.compile(r"\s*[\w.]*(Error|Exception|Interrupt)\b")
"""The last line of a traceback; the driver's own, which follows, says less than that of the step."""
_ORPHAN_SECONDS = 15.0
_BY_EXIT_CODE = {UserError.exit_code: UserError, HeldError.exit_code: HeldError}


class LocalPipeline:
    """The pipeline of one search on this machine.

    Args:
        admitted: The search.
        containers: Where its steps run; by default they are subprocesses.
    """

    _containers: Containers | None = None

    def __init__(self, admitted: Admitted, containers: Containers | None = None) -> None:
        self._request, self._deadline = admitted.plan.request, admitted.plan.deadline
        self._containers = containers
        self.folder = admitted.records.store.local_folder() / "pipelines" / admitted.plan.search_id
        self.log = self.folder / "log.txt"
        self._error = self.folder / ERROR_FILE
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, holder: str) -> None:
        """Start it; what an earlier run has left behind goes first, since the store has all that matters.

        Args:
            holder: Token of the lease that its steps act under.

        Raises:
            SearchError: Processes of an earlier run, whose owner is gone, do not end.
            ContainerError: Containers of an earlier run do not end.
            UserError: A folder that the steps need cannot be shown to a container.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._containers is not None:
            self._containers.remove(self.folder)
        if not await_unlocked(self.folder / ALIVE_FILE, _ORPHAN_SECONDS):
            raise SearchError(
                f"a step of an earlier run of this search has not ended within {_ORPHAN_SECONDS:.0f} seconds; "
                f"stop it (it holds '{self.folder / ALIVE_FILE}'), and run the same command again."
            )
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)
        self._error.unlink(missing_ok=True)
        request, image = prepared_for(self._containers, self._request, self.folder)
        (self.folder / "request.json").write_text(request.to_json())
        (self.folder / "deadline.txt").write_text(f"{self._deadline or 0.0}")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nasflow.pipelines.search.local", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {FOLDER: str(self.folder), DRIVER: this_process(), HOLDER_VARIABLE: holder} | image,
            )

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def wait(self, seconds: float) -> None:
        """Wait for its end, for so many seconds at most."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def stop(self) -> None:
        """End it; its steps end by themselves once it is gone, and their containers are removed."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        if self._containers is not None:
            self._containers.remove(self.folder)

    def check(self) -> None:
        """Return where the pipeline succeeded.

        Raises:
            NasflowError: It failed; the sentence is that of the step that did.
        """
        if self._process is None or self._process.wait() == 0:
            return
        raise self._failure(self._process.returncode)

    def _failure(self, code: int) -> NasflowError:
        if self._error.exists():
            error = json.loads(self._error.read_text())
            return _BY_EXIT_CODE.get(error["exit_code"], SearchError)(error["message"])
        if code < 0:
            ended = signal.Signals(-code).name
            return SearchError(f"the pipeline's process was ended by {ended}; run the same command again to go on.")
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        errors = (line.strip() for line in reversed(lines) if _ERROR.match(line))
        last = next((line for line in errors if not line.startswith("RuntimeError: Pipeline ")), "no error was printed")
        return SearchError(f"the pipeline failed: {last} (log: {Path(self.log)})")


@dataclass(frozen=True)
class Finished:
    """A search that has ended.

    Attributes:
        plan: The search.
        records: Its part of the store.
        status: Its trials.
        delivery: What it delivered.
    """

    plan: Plan
    records: SearchRecords
    status: SearchStatus
    delivery: Delivery


def run_search(
    config: SearchConfig,
    base: Path,
    *,
    anew: bool = False,
    image: str | None = None,
    on_prepared: Progress | None = None,
    on_status: Callable[[SearchStatus, float], None] | None = None,
) -> Finished:
    """Run a search by its pipeline on this machine, from where it stopped.

    Args:
        config: The configuration.
        base: Folder that relative data paths start at.
        anew: Start anew even where it has run before.
        image: Image that its steps run in, in containers; by default they are subprocesses.
        on_prepared: Told of samples prepared and samples in all.
        on_status: Told twice a second how far it is, and when it first started, in Unix seconds.

    Raises:
        UserError: The configuration or the data cannot be used; nothing is left behind.
        HeldError: Another process runs this search.
        ContainerError: Docker cannot be used.
        NasflowError: A step failed, in its own words.
    """
    containers = Containers(image) if image is not None else None
    admitted = admit(config, base, anew=anew, on_progress=on_prepared)
    return run_admitted(admitted, on_status=on_status, containers=containers)


def run_admitted(
    admitted: Admitted,
    *,
    on_status: Callable[[SearchStatus, float], None] | None = None,
    containers: Containers | None = None,
) -> Finished:
    """Run a search that may run by its pipeline on this machine, from where it stopped.

    Args:
        admitted: The search.
        on_status: Told twice a second how far it is, and when it first started, in Unix seconds.
        containers: Where its steps run, if not in processes.

    Raises:
        HeldError: Another process runs this search.
        NasflowError: A step failed, in its own words.
    """
    plan, records = admitted.plan, admitted.records
    reader = StatusReader(plan.known, records)
    with hold(records.store, f"{records.folder}/lease.json", purpose=f"search '{plan.config.name}'") as lease:
        known = delivered(plan, records)
        if known is not None and not known.untracked:
            return Finished(plan, records, reader.read(), replace(known, repeated=True))
        records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
        begin_run(records, admitted.began, plan.deadline)
        started_at = records.started_at
        pipeline = LocalPipeline(admitted, containers)
        pipeline.start(lease.token)
        try:
            while pipeline.running():
                if on_status is not None:
                    on_status(reader.read(), started_at)
                if lease.lost:
                    lease.check()  # says who has it now
                pipeline.wait(_POLL_SECONDS)
        finally:
            pipeline.stop()
        pipeline.check()
        found = delivered(plan, records)
        if found is None:
            raise SearchError(f"the pipeline ended without delivering a model (log: {pipeline.log}).")
        return Finished(plan, records, reader.read(), found)
