"""What every step of the pipeline does first and last: open the search, end with its driver, say what went wrong."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nasflow import logs
from nasflow.data.bundle import DataBundle
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request
from nasflow.engine.run_lease import keep_for_run
from nasflow.errors import NasflowError, damaged
from nasflow.passwords import hidden
from nasflow.processes import ProcessStamp, end_with, shared_lock
from nasflow.spaces import SearchSpace
from nasflow.trials import Trial

DRIVER = "NASFLOW_DRIVER"
"""Environment variable with the stamp of the process that this one works for and ends with; absent on a cluster."""

FOLDER = "NASFLOW_PIPELINE_FOLDER"
"""Environment variable with the folder of the local pipeline; absent on a cluster."""

ERROR_FILE = "error.json"
"""File in that folder that a failing step leaves its sentence in, for the local driver to show."""

ALIVE_FILE = "alive.lock"
"""File in that folder that every process of the pipeline holds a shared lock on while it lives."""


LOG_FILE = "log.txt"
"""File in that folder that has all that the steps write."""

log = logging.getLogger(__name__)


@contextmanager
def step(name: str = "step", summary: str | None = None, **about: object) -> Iterator[Callable[[str], None]]:
    """Run the body of a step, which is given a function that takes a sentence about what it has done.

    It ends when its driver is gone; its log says what it is about. In the end its sentences are the last line of its
    log, and a page for the UI of Kubeflow Pipelines. An error is the last line of the log as well, in one sentence: its
    own where it is a known one; of another one the log has the traceback.

    Args:
        name: Of the step.
        summary: File for the page, in Markdown.
        about: What its log lines are about, beside the step and the search.

    Raises:
        SystemExit: With the exit code of the error.
    """
    attend()
    said: list[str] = []
    began = time.monotonic()
    with logs.shown(), logs.about(step=name, **about):
        try:
            yield said.append
            _conclude(name, said, time.monotonic() - began, summary)
        except NasflowError as error:
            _give_up(hidden(str(error)), error.exit_code)
            raise SystemExit(error.exit_code) from error
        except Exception as error:
            log.exception("the step failed unexpectedly")
            _give_up(_unexpected(name, error), 1)
            raise SystemExit(1) from error
        finally:
            gc.freeze()  # or the interpreter, when it ends, would go through all that torch and mlflow have made


def _conclude(name: str, said: list[str], seconds: float, summary: str | None) -> None:
    log.info("done in %.1f s. %s", seconds, " ".join(said))
    if summary is not None:
        search = logs.fields().get("search")
        head = f"**{name}**" + (f" of search `{search}`" if search else "")
        lines = [f"{head}: done in {seconds:.1f} s", "", *(f"- {sentence}" for sentence in said)]
        Path(summary).write_text(hidden("\n".join(lines)) + "\n", encoding="utf-8")


def _unexpected(name: str, error: Exception) -> str:
    first = next(iter(str(error).splitlines()), "").rstrip(".")
    what = hidden(f"{type(error).__name__}: {first}" if first else type(error).__name__)
    folder = os.environ.get(FOLDER)
    where = f"in {Path(folder, LOG_FILE)}" if folder else f"in its log, which 'nasflow logs SEARCH {name}' prints"
    return f"step {name} failed unexpectedly ({what}); the traceback is {where}."


def _give_up(sentence: str, code: int) -> None:
    """Leave the sentence where people look for it, and the driver of a local pipeline."""
    if logs.form() == "json":
        log.error(sentence)
    sys.stderr.write(f"nasflow: {sentence}\n")
    if folder := os.environ.get(FOLDER):
        Path(folder, ERROR_FILE).write_text(json.dumps({"message": sentence, "exit_code": code}))


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
    """Return the search and its part of the store; on a cluster, hold it for the run that this step is part of.

    Args:
        request: `Request.to_json()`.
        data: Folder of the prepared data.
        space: File of the search space.
        deadline: Unix seconds at which everything is to be done; 0 where there is no such time.

    Raises:
        IntegrityError: The data or the space were altered.
        HeldError: Another run, or a command elsewhere, holds the search.
    """
    bundle = DataBundle.open(Path(data), verify=False)
    plan = Plan(Request.from_json(request), bundle, read_space(space), deadline or None)
    records = SearchRecords(plan.request.store(), plan.search_id)
    keep_for_run(records.store, f"{records.folder}/lease.json", f"search '{plan.config.name}'")
    logs.note(search=plan.search_id)
    return plan, records


def read_space(path: str) -> SearchSpace:
    """Read a search space from its file.

    Raises:
        IntegrityError: The file is missing or damaged.
    """
    with damaged(f"the search space in {path}"):
        return SearchSpace.from_json(json.loads(Path(path).read_text(encoding="utf-8")))


def read_shard(path: str, name: str) -> tuple[list[Trial], float]:
    """Read the trials of a shard, and the deadline, from the file of a proposal.

    Raises:
        IntegrityError: The file is missing or damaged, or has no such shard.
    """
    with damaged(f"the proposal in {path}"):
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        return [Trial.from_json(trial) for trial in document["shards"][name]], float(document["deadline"])


def read_selection(path: str) -> list[str]:
    """Read the ids of the trials that were selected from their file.

    Raises:
        IntegrityError: The file is missing or damaged.
    """
    with damaged(f"the selection in {path}"):
        ids = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise TypeError("it is no list of ids")
        return ids
