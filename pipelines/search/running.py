"""Starting the local pipeline in a process of its own, and telling how it ended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from nasflow.engine.door import Admitted
from nasflow.engine.steps import ERROR_FILE
from nasflow.errors import HeldError, NasflowError, SearchError, UserError

_BY_EXIT_CODE = {UserError.exit_code: UserError, HeldError.exit_code: HeldError}


class LocalPipeline:
    """The pipeline of one search on this machine.

    Args:
        admitted: The search.
    """

    def __init__(self, admitted: Admitted) -> None:
        self._request = admitted.plan.request
        self.folder = admitted.records.store.local_folder() / "pipelines" / admitted.plan.search_id
        self.log = self.folder / "log.txt"
        self._error = self.folder / "error.json"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what an earlier run has left behind goes first, since the store has all that matters."""
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._error.unlink(missing_ok=True)
        (self.folder / "request.json").write_text(self._request.to_json())
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nasflow.pipelines.search.local", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {ERROR_FILE: str(self._error)},
            )

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it; its steps end by themselves once it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def check(self) -> None:
        """Return where the pipeline succeeded.

        Raises:
            NasflowError: It failed; the sentence is that of the step that did.
        """
        if self._process is None or self._process.wait() == 0:
            return
        raise self._failure()

    def _failure(self) -> NasflowError:
        if self._error.exists():
            error = json.loads(self._error.read_text())
            return _BY_EXIT_CODE.get(error["exit_code"], SearchError)(error["message"])
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        last = next((line.strip() for line in reversed(lines) if "Error" in line), "no error was printed")
        return SearchError(f"the pipeline failed: {last} (log: {Path(self.log)})")
