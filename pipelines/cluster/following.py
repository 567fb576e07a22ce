"""Following a run to its end, and telling how it ended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nasflow.errors import ClusterError
from nasflow.pipelines.cluster.connection import Connection
from nasflow.pipelines.cluster.logs import base_name, log
from nasflow.pipelines.cluster.runs import Run, Step, read

POLL_SECONDS = 5.0

_TOLD = re.compile(r"nasflow: (.+)")
_ERROR = re.compile(r"\s*[\w.]*(Error|Exception)\b.*")
_LOST = re.compile(
    r"evict|preempt|deleted|node ?lost|not found|shutdown|shut down|terminat|imminent|disrupt|oomkill|out of memory|"
    r"low on resource|exit code (137|143)|signal: killed|unschedul|spot|taint",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Failure:
    """Why a run did not succeed.

    Attributes:
        sentence: What happened, and what to do.
        lost: Whether a pod was lost, so that the same submission again goes on.
        step: The step that failed, or empty.
    """

    sentence: str
    lost: bool
    step: str = ""


def follow(connection: Connection, run_id: str, *, poll: float = POLL_SECONDS) -> Iterator[Run]:
    """Yield the state of a run until it is over, the last one included.

    Args:
        connection: Kubeflow Pipelines.
        run_id: Of the run.
        poll: Seconds between two looks.

    Raises:
        ClusterError: Kubeflow Pipelines does not answer any more; the run goes on without.
    """
    while True:
        try:
            run = read(connection, run_id)
        except ClusterError as error:
            raise ClusterError(f"{error} The run goes on meanwhile; the same command again follows it.") from error
        yield run
        if run.over:
            return
        time.sleep(poll)


def failure(connection: Connection, run: Run) -> Failure | None:
    """Return why a run that is over did not succeed; None where it did.

    A step that gave up by itself says why in its log. One that says nothing was ended from outside: its pod is lost.

    Raises:
        ClusterError: Kubeflow Pipelines cannot be asked.
    """
    if run.state == "SUCCEEDED":
        return None
    if run.state == "CANCELED":
        return Failure("the run was cancelled; the same command again goes on where it stopped.", lost=False)
    failed = [step for step in run.steps if step.state == "FAILED" and base_name(step.name)]
    for step in failed:
        for pod in step.pods:
            if said := own_words(log(connection, run, pod) or ""):
                return Failure(f"step {step.name} failed: {said}", lost=False, step=step.name)
    return _silent(run, failed)


def own_words(text: str) -> str:
    """Return what a step's log says of its failure: its sentence, else the last error of a traceback, else nothing."""
    lines = [line.strip() for line in text.splitlines()]
    for pattern in (_TOLD, _ERROR):
        for line in reversed(lines):
            if found := pattern.fullmatch(line):
                return found[found.lastindex or 0] if pattern is _TOLD else line
    return ""


def _silent(run: Run, failed: list[Step]) -> Failure:
    """Tell of steps that left no word of their own."""
    goes_on = "what had finished is kept, and the same command again trains only what is missing."
    for step in failed:
        if step.error and not _LOST.search(step.error):
            return Failure(f"step {step.name} failed: {_ended(step.error)}", lost=False, step=step.name)
    if failed:
        step, error = failed[0], next((step.error for step in failed if step.error), "")
        why = f" ({error.rstrip('.')})" if error else " (evicted, preempted or out of memory: it left no word)"
        return Failure(f"the pod of step {step.name} was lost{why}; {goes_on}", lost=True, step=step.name)
    if run.error and not _LOST.search(run.error):
        return Failure(f"the run failed: {_ended(run.error)}", lost=False)
    why = f": {run.error.rstrip('.')}" if run.error else ", and no step says why"
    return Failure(f"the run failed{why}; {goes_on}", lost=True)


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def finished(
    connection: Connection,
    run: Run,
    again: Callable[[], Run],
    on_change: Callable[[Run], None],
    on_restart: Callable[[Run, Failure], None],
    *,
    max_restarts: int = 0,
    poll: float = POLL_SECONDS,
) -> Failure | None:
    """Follow a run, and start it again while pods are lost; return why it did not succeed, or None.

    Args:
        connection: Kubeflow Pipelines.
        run: What is followed first.
        again: Starts it again.
        on_change: Told of every state.
        on_restart: Told of the new run, and of what ended the one before.
        max_restarts: How often it is started again.
        poll: Seconds between two looks.

    Raises:
        ClusterError: Kubeflow Pipelines does not answer any more.
    """
    for left in range(max_restarts, -1, -1):
        for state in follow(connection, run.id, poll=poll):
            run = state
            on_change(state)
        why = failure(connection, run)
        if why is None or not why.lost or not left:
            return why
        run = again()
        on_restart(run, why)
    return None
