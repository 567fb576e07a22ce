"""What every step of the pipeline does first and last: open the search, end with its driver, say what went wrong."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasflow.data.bundle import DataBundle
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request
from nasflow.errors import NasflowError
from nasflow.processes import ProcessStamp
from nasflow.spaces import SearchSpace

DRIVER = "NASFLOW_DRIVER"
"""Environment variable with the stamp of the local process that drives the pipeline; absent on a cluster."""

ERROR_FILE = "NASFLOW_ERROR_FILE"
"""Environment variable with the file that a failing step leaves its sentence in, for the local driver to show."""


@contextmanager
def step() -> Iterator[None]:
    """Run the body of a step: it ends when its driver is gone, and a known error ends it in one sentence.

    Raises:
        SystemExit: With the exit code of the error.
    """
    if os.environ.get(DRIVER):
        threading.Thread(target=_end_with_driver, args=(os.environ[DRIVER],), daemon=True).start()
    try:
        yield
    except NasflowError as error:
        sys.stderr.write(f"nasflow: {error}\n")
        if target := os.environ.get(ERROR_FILE):
            Path(target).write_text(json.dumps({"message": str(error), "exit_code": error.exit_code}))
        raise SystemExit(error.exit_code) from error


def this_process() -> str:
    """Return the stamp of this process, as `DRIVER` holds it."""
    return json.dumps(ProcessStamp.here().to_json())


def _end_with_driver(driver: str) -> None:
    stamp = ProcessStamp.from_json(json.loads(driver))
    while stamp.alive:
        time.sleep(0.5)
    os._exit(1)  # nobody waits for this step any more; all that it finished is in the store


def opened(request: str, data: str, space: str) -> tuple[Plan, SearchRecords]:
    """Return the search and its part of the store.

    Args:
        request: `Request.to_json()`.
        data: Folder of the prepared data.
        space: File of the search space.

    Raises:
        IntegrityError: The data or the space were altered.
    """
    bundle = DataBundle.open(Path(data), verify=False)
    plan = Plan(Request.from_json(request), bundle, read_space(space))
    return plan, SearchRecords(plan.request.store(), plan.search_id)


def read_space(path: str) -> SearchSpace:
    """Read a search space from its file."""
    return SearchSpace.from_json(json.loads(Path(path).read_text()))
