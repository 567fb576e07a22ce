"""What the steps of a run have written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nasflow.errors import ClusterError, UserError
from nasflow.pipelines.cluster.connection import Connection
from nasflow.pipelines.cluster.runs import Run, Step
from nasflow.plugins import nearest

_PATHS = ("/apis/v1alpha1/runs/{run_id}/nodes/{node_id}/log", "/apis/v2beta1/runs/{run_id}/nodes/{node_id}/log")
"""Where Kubeflow Pipelines 2.17 has logs, and where later ones have them; they are not in its published schema."""

_STEPS = (
    "prepare-data",
    "generate-space",
    "propose",
    "train-candidates",
    "search-on",
    "select",
    "train-final",
    "export-model",
    "report",
    "register-model",
)
_INNER = re.compile(r"-driver(\(\d+\))?$")


@dataclass(frozen=True)
class Log:
    """What a pod of a step has written.

    Attributes:
        step: The step.
        pod: Its pod.
        text: What it wrote.
    """

    step: Step
    pod: str
    text: str


def base_name(step: str) -> str:
    """Return the step of a task's name: `train-candidates` of `train-candidates-3`; empty for what is no step."""
    name = re.sub(r"(-\d+)?(\(\d+\))?$", "", step)
    return name if name in _STEPS and not _INNER.search(step) else ""


def round_number(step: str) -> int:
    """Return the round, from 1, that a task belongs to: 3 for `train-candidates-3`, 1 for `propose`."""
    found = re.search(r"-(\d+)(\(\d+\))?$", step)
    return int(found[1]) if found else 1


def chosen(run: Run, wanted: str | None) -> list[Step]:
    """Return the steps with a name; by default those that failed, else those that run, else all.

    Args:
        run: With its steps.
        wanted: A step's name, as in `train-candidates` (of every round) or `train-candidates-2`; `_` is as good as `-`.

    Raises:
        UserError: No step of the run has that name.
    """
    steps = [step for step in run.steps if base_name(step.name)]
    if wanted is not None:
        name = wanted.replace("_", "-")
        found = [step for step in steps if name in (step.name, base_name(step.name))]
        if not found:
            names = sorted({step.name for step in steps})
            known = f"it has {', '.join(names)}.{nearest(name, names)}" if names else "no step has begun yet."
            raise UserError(f"run '{run.name}' has no step '{wanted}'; {known}")
        return found
    for state in ("FAILED", "RUNNING"):
        if found := [step for step in steps if step.state == state]:
            return found
    return steps


def logs(connection: Connection, run: Run, steps: Sequence[Step]) -> list[Log]:
    """Return what the pods of some steps have written, as far as the server still has it.

    Raises:
        ClusterError: The server cannot be asked at all.
    """
    found = []
    for step in steps:
        for pod in step.pods:
            text = log(connection, run, pod)
            if text is not None:
                found.append(Log(step, pod, text))
    return found


def log(connection: Connection, run: Run, pod: str) -> str | None:
    """Return what a pod has written, or None where the server has it no longer.

    Raises:
        ClusterError: The server does not let anybody in.
    """
    from kfp_server_api import ApiException

    for path in _PATHS:

        def asked(path: str = path) -> str | None:
            try:
                answer = connection.client.api.call_api(
                    path,
                    "GET",
                    path_params={"run_id": run.id, "node_id": pod},
                    query_params=[("follow", "false")],
                    auth_settings=["Bearer"],
                    _preload_content=False,
                )
            except ApiException as error:
                if error.status in (400, 404, 500):  # the last is how 2.17 says that a pod is gone
                    return None
                raise
            return str(answer.data.decode("utf-8", errors="replace"))

        text = connection.call("read a log", asked)
        if text is not None:
            return text
    return None


def command(connection: Connection, run: Run) -> str:
    """Return the command that reads a run's logs from the cluster itself."""
    try:
        namespace = connection.namespace or "kubeflow"
    except (ClusterError, UserError):
        namespace = "kubeflow"
    return f"kubectl logs -n {namespace} -l pipeline/runid={run.id} -c main --tail=-1 --prefix"
