"""Runs of a search on a cluster: started once, found again, ended."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nasflow.errors import UserError
from nasflow.pipelines.cluster.connection import Connection, filtered
from nasflow.pipelines.cluster.uploading import Version
from nasflow.plugins import nearest

ACTIVE = ("PENDING", "RUNNING", "PAUSED", "CANCELING", "RUNTIME_STATE_UNSPECIFIED")
"""States of runs that are not over."""


@dataclass(frozen=True)
class Step:
    """A task of a run, as the server tells of it.

    Attributes:
        name: As in `train-candidates-2`.
        state: `PENDING`, `RUNNING`, `SUCCEEDED`, `SKIPPED`, `FAILED` and so on.
        pods: Names of its pods.
        error: What the server says of its failure, or empty.
    """

    name: str
    state: str
    pods: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Run:
    """A run on the server.

    Attributes:
        id: Of the run.
        name: As it is shown.
        state: As a step's.
        version_id: Of the pipeline's version.
        created_at: When it was asked for, or None.
        steps: Its tasks.
        error: What the server says of its failure, or empty.
        generation: How often the search had been begun anew when it was asked for.
    """

    id: str
    name: str
    state: str
    version_id: str = ""
    created_at: datetime | None = None
    steps: tuple[Step, ...] = ()
    error: str = ""
    generation: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more will happen in it."""
        return self.state not in ACTIVE


class Runs:
    """The runs of one search; its experiment in Kubeflow Pipelines has its name.

    Args:
        connection: Kubeflow Pipelines.
        search: Name of the search.
    """

    def __init__(self, connection: Connection, search: str) -> None:
        self._connection, self._search = connection, search

    def experiment(self) -> str:
        """Return the id of the search's experiment, made where it is not there yet."""
        service, models = self._connection.client.experiments, self._connection.client.api_models
        where = self._where()

        def create() -> Any:
            wanted = models.V2beta1Experiment(display_name=self._search, **where)
            return service.experiment_service_create_experiment(experiment=wanted)

        made = self._connection.ensured(f"make the experiment '{self._search}'", self._experiment, create)
        return str(made.experiment_id)

    def started(
        self, version: Version, parameters: Mapping[str, Any] | None = None, service_account: str | None = None
    ) -> Run:
        """Start a run once, even where an answer is lost: its name is new, and is looked for before each try.

        Args:
            version: What runs.
            parameters: Of the pipeline; what is not named has its default.
            service_account: Of its pods; by default that of the installation.
        """
        service, models = self._connection.client.runs, self._connection.client.api_models
        experiment, name = self.experiment(), f"{self._search} {time.strftime('%Y-%m-%d %H:%M')} {secrets.token_hex(3)}"
        reference = models.V2beta1PipelineVersionReference(
            pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
        )
        wanted = models.V2beta1Run(
            display_name=name,
            experiment_id=experiment,
            pipeline_version_reference=reference,
            runtime_config=models.V2beta1RuntimeConfig(parameters=dict(parameters or {})),
            service_account=service_account,
        )

        def find() -> Any:
            found = service.run_service_list_runs(experiment_id=experiment, filter=filtered("display_name", name))
            return next((each for each in found.runs or () if each.display_name == name), None)

        return _run(self._connection.ensured("start the run", find, lambda: service.run_service_create_run(run=wanted)))

    def all(self) -> Iterator[Run]:
        """Yield the runs, the one that was asked for last first."""
        found = self._connection.call("look for the experiment", self._experiment)
        if found is None:
            return
        listed = self._connection.client.runs.run_service_list_runs
        more = {"experiment_id": found.experiment_id, "sort_by": "created_at desc"}
        for each in self._connection.pages("list the runs", listed, "runs", **more):
            yield _run(each)

    def active(self, version: Version | None = None) -> Run | None:
        """Return the latest run that is not over, of a version where one is named, or None."""
        wanted = version.version_id if version is not None else None
        return next((r for r in self.all() if not r.over and wanted in (None, r.version_id)), None)

    def generation(self) -> int:
        """Return how often the search was begun anew: the highest generation that a run of it was asked for."""
        return max((run.generation for run in self.all()), default=0)

    def latest(self, run_id: str | None = None) -> Run:
        """Return the latest run with its steps, or the one with an id or the beginning of it.

        Raises:
            UserError: There is none.
        """
        names = []
        for run in self.all():
            if run_id is None or (len(run_id) >= 4 and run.id.startswith(run_id)):
                return read(self._connection, run.id)
            names.append(run.id)
        if run_id is None:
            raise UserError(
                f"search '{self._search}' has no run at {self._connection.where}; start one with 'nasflow submit'."
            )
        raise UserError(f"search '{self._search}' has no run '{run_id}'.{nearest(run_id, names)}")

    def cancel(self) -> list[Run]:
        """End every run that is not over; return those."""
        ended = [run for run in self.all() if not run.over]
        for run in ended:
            end(self._connection, run)
        return ended

    def _experiment(self) -> Any:
        listed = self._connection.client.experiments.experiment_service_list_experiments
        found = listed(filter=filtered("display_name", self._search), **self._where())
        return next((each for each in found.experiments or () if each.display_name == self._search), None)

    def _where(self) -> dict[str, str]:
        return {"namespace": self._connection.namespace} if self._connection.namespace else {}


def read(connection: Connection, run_id: str) -> Run:
    """Return the present state of a run, with its steps."""
    return _run(connection.call("read the run", connection.client.get_run, run_id))


def end(connection: Connection, run: Run) -> None:
    """End a run; that it is over already is as good."""

    def terminated() -> None:
        try:
            connection.client.terminate_run(run.id)
        except Exception:
            if _run(connection.client.get_run(run.id)).over:
                return
            raise

    connection.call("end the run", terminated)


def address(connection: Connection, run: Run) -> str:
    """Return where a run is shown in a browser."""
    from nasflow.passwords import without_login

    return f"{without_login(connection.client.page)}/#/runs/details/{run.id}"


def _run(document: Any) -> Run:
    details = document.run_details.task_details if document.run_details else None
    reference = document.pipeline_version_reference
    return Run(
        id=document.run_id,
        name=document.display_name or "",
        state=document.state or "RUNTIME_STATE_UNSPECIFIED",
        version_id=(reference.pipeline_version_id if reference else None) or document.pipeline_version_id or "",
        created_at=document.created_at,
        steps=tuple(_step(each) for each in details or ()),
        error=_message(document),
        generation=_generation(document),
    )


def _generation(document: Any) -> int:
    """Return the generation in the request that a run was started with; 0 where it has its pipeline's own."""
    given = (document.runtime_config.parameters if document.runtime_config else None) or {}
    try:
        return int(json.loads(given["request"])["generation"])
    except (KeyError, TypeError, ValueError):
        return 0


def _step(document: Any) -> Step:
    children = [child.pod_name for child in document.child_tasks or () if child.pod_name]
    pods = [document.pod_name, *children] if document.pod_name else children
    return Step(
        document.display_name or "", document.state or "PENDING", tuple(dict.fromkeys(pods)), _message(document)
    )


def _message(document: Any) -> str:
    """Return what a run or task says of its failure: its own error, or that of the state that it came to."""
    errors = [document.error, *(status.error for status in reversed(document.state_history or ()))]
    return next((" ".join(error.message.split()) for error in errors if error is not None and error.message), "")
