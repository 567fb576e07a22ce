"""Between the commands and a cluster: submitting, following, cancelling, and reading logs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nasflow.cli import wiring
from nasflow.cli.options import Compiling
from nasflow.cli.progress import ProgressView
from nasflow.cli.remote_view import RemoteView
from nasflow.config import SearchConfig
from nasflow.config.loading import load_config
from nasflow.errors import ClusterError

if TYPE_CHECKING:
    from nasflow.pipelines.cluster.connection import Access, Connection
    from nasflow.pipelines.cluster.following import Failure
    from nasflow.pipelines.cluster.logs import Log
    from nasflow.pipelines.cluster.runs import Run
    from nasflow.pipelines.cluster.uploading import Version

_YAML = (".yaml", ".yml")


class Submission:
    """A search on its way to a cluster.

    Args:
        config: The search's YAML file.
        access: Kubeflow Pipelines.
        compiling: How it is compiled.

    Attributes:
        search: The search, with the store of its pods.
        notes: What the user has to see to on the cluster.
        version: The pipeline's version on the server.

    Raises:
        UserError: The search cannot run there, its image lacks what it uses, or no Kubeflow Pipelines is known.
        ClusterError: It cannot be uploaded, or its image's registry cannot be asked.
    """

    def __init__(self, config: Path, access: Access, compiling: Compiling) -> None:
        from nasflow.pipelines.cluster.connection import Connection
        from nasflow.pipelines.cluster.runs import Runs
        from nasflow.pipelines.cluster.uploading import read_request, uploaded
        from nasflow.pipelines.search.reach import check_shared

        self.search = wiring.load_for_pods(config, compiling.store)
        check_shared(self.search)
        self.connection = Connection(access)
        image, self.notes = compiling.image_for(self.search)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "pipeline.yaml")
            self.notes += wiring.compile_pipeline(
                config, file, image, compiling.device_kind, store=compiling.store, refresh=compiling.refresh
            )
            self._request = read_request(file.read_bytes())
            self.version: Version = uploaded(self.connection, file)
        self._runs = Runs(self.connection, self.search.name)
        self._generation = 0

    def start(self, service_account: str | None, *, anew: bool = False) -> tuple[Run, bool]:
        """Start the run, or take up the one of the same content that is not over.

        Args:
            service_account: Of its pods.
            anew: Start a search of the next generation, which knows nothing of those before.

        Returns:
            The run, and whether it was started now.
        """
        if not anew and (active := self._runs.active(self.version)) is not None:
            self._generation = active.generation
            return active, False
        self._generation = self._runs.generation() + anew
        return self._started(service_account), True

    def _started(self, service_account: str | None) -> Run:
        asked = json.dumps(self._request | {"generation": self._generation}, separators=(",", ":"))
        parameters = {"request": asked} if self._generation else {}
        return self._runs.started(self.version, parameters, service_account)

    def follow(
        self,
        run: Run,
        service_account: str | None,
        on_progress: Callable[[ProgressView], None],
        on_restart: Callable[[Run, Failure], None],
        *,
        max_restarts: int,
        poll: float | None = None,
    ) -> None:
        """Follow a run to its end, and start it again while pods are lost.

        Raises:
            ClusterError: It failed for good, or Kubeflow Pipelines does not answer any more.
        """
        from nasflow.pipelines.cluster.following import POLL_SECONDS, finished

        view = RemoteView(self.search.name, self.search)
        why = finished(
            self.connection,
            run,
            lambda: self._started(service_account),
            lambda state: on_progress(view.of(state)),
            on_restart,
            max_restarts=max_restarts,
            poll=POLL_SECONDS if poll is None else poll,
        )
        if why is not None:
            raise ClusterError(f"{why.sentence} See more with 'nasflow logs {self.search.name}'.")

    def address(self, run: Run) -> str:
        """Return where a run is shown."""
        from nasflow.pipelines.cluster.runs import address

        return address(self.connection, run)


def progress(search: str, access: Access, run_id: str | None) -> tuple[ProgressView, str, str]:
    """Return how far a search's run is, where it is shown, and why it failed, or an empty text.

    Raises:
        UserError: There is no such run.
        ClusterError: Kubeflow Pipelines cannot be used.
    """
    from nasflow.pipelines.cluster.following import failure
    from nasflow.pipelines.cluster.runs import address

    connection, name, config = _found(search, access)
    run = _run(connection, name, run_id)
    why = failure(connection, run) if run.over else None
    return RemoteView(name, config).of(run), address(connection, run), why.sentence if why else ""


def cancel(search: str, access: Access) -> list[str]:
    """End every run of a search that is not over; return their names.

    Raises:
        ClusterError: Kubeflow Pipelines cannot be used.
    """
    from nasflow.pipelines.cluster.runs import Runs

    connection, name, _ = _found(search, access)
    return [run.name for run in Runs(connection, name).cancel()]


def logs(search: str, access: Access, step: str | None, run_id: str | None) -> tuple[list[Log], str]:
    """Return what the steps of a search's run have written, and the command that reads it from the cluster.

    Raises:
        UserError: There is no such run or step.
        ClusterError: Kubeflow Pipelines cannot be used.
    """
    from nasflow.pipelines.cluster.logs import chosen, command
    from nasflow.pipelines.cluster.logs import logs as read

    connection, name, _ = _found(search, access)
    run = _run(connection, name, run_id)
    return read(connection, run, chosen(run, step)), command(connection, run)


def _found(search: str, access: Access) -> tuple[Connection, str, SearchConfig | None]:
    """Return a connection, the name of a search, and its configuration where a YAML file is given."""
    from nasflow.pipelines.cluster.connection import Connection

    config = load_config(Path(search)) if search.endswith(_YAML) else None
    return Connection(access), config.name if config else search, config


def _run(connection: Connection, name: str, run_id: str | None) -> Run:
    from nasflow.pipelines.cluster.runs import Runs

    return Runs(connection, name).latest(run_id)
