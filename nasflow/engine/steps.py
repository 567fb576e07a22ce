"""What every step of the pipeline does first and last: open the search, end with its driver, say what went wrong."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasflow.data.bundle import DataBundle
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request
from nasflow.errors import NasflowError
from nasflow.processes import ProcessStamp, end_with, shared_lock
from nasflow.spaces import SearchSpace

DRIVER = "NASFLOW_DRIVER"
"""Environment variable with the stamp of the process that this one works for and ends with; absent on a cluster."""

FOLDER = "NASFLOW_PIPELINE_FOLDER"
"""Environment variable with the folder of the local pipeline; absent on a cluster."""

ERROR_FILE = "error.json"
"""File in that folder that a failing step leaves its sentence in, for the local driver to show."""

ALIVE_FILE = "alive.lock"
"""File in that folder that every process of the pipeline holds a shared lock on while it lives."""


@contextmanager
def step() -> Iterator[None]:
    """Run the body of a step: it ends when its driver is gone, and a known error ends it in one sentence.

    Raises:
        SystemExit: With the exit code of the error.
    """
    attend()
    try:
        yield
    except NasflowError as error:
        sys.stderr.write(f"nasflow: {error}\n")
        if folder := os.environ.get(FOLDER):
            Path(folder, ERROR_FILE).write_text(json.dumps({"message": str(error), "exit_code": error.exit_code}))
        raise SystemExit(error.exit_code) from error
    finally:
        gc.freeze()  # or the interpreter, when it ends, would go through all that torch and mlflow have made: a second


def this_process() -> str:
    """Return the stamp of this process, as `DRIVER` holds it."""
    return json.dumps(ProcessStamp.here().to_json())


def attend() -> None:
    """Bind this process to the local pipeline that it belongs to, if any: known to live, and ending with its driver."""
    if folder := os.environ.get(FOLDER):
        shared_lock(Path(folder, ALIVE_FILE))
    if (driver := os.environ.get(DRIVER)) and (process := ProcessStamp.from_json(json.loads(driver))).local:
        end_with(process)  # a container that does not see this machine's processes is ended by its label instead


def opened(request: str, data: str, space: str, deadline: float = 0.0) -> tuple[Plan, SearchRecords]:
    """Return the search and its part of the store.

    Args:
        request: `Request.to_json()`.
        data: Folder of the prepared data.
        space: File of the search space.
        deadline: Unix seconds at which everything is to be done; 0 where there is no such time.

    Raises:
        IntegrityError: The data or the space were altered.
    """
    bundle = DataBundle.open(Path(data), verify=False)
    plan = Plan(Request.from_json(request), bundle, read_space(space), deadline or None)
    return plan, SearchRecords(plan.request.store(), plan.search_id)


def read_space(path: str) -> SearchSpace:
    """Read a search space from its file."""
    return SearchSpace.from_json(json.loads(Path(path).read_text()))
