"""The containers of one run: whether it can have any, what it tells its driver, and their end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nasflow.engine.request import Request
from nasflow.pipelines.docker.daemon import Daemon
from nasflow.pipelines.docker.settings import SETTINGS_FILE, ContainerSettings
from nasflow.tracking import tracking_target


class Containers:
    """Containers for the steps of a search.

    Args:
        image: Name of the image that they are made of; what it means now holds for the whole run.

    Raises:
        ContainerError: The Docker daemon does not answer.
        UserError: There is no such image, or it has another version of nasflow.
    """

    def __init__(self, image: str) -> None:
        self._daemon = Daemon()
        self.image = self._daemon.image(image)

    def remove(self, folder: Path) -> None:
        """End and remove those of a pipeline.

        Args:
            folder: The folder of the pipeline.

        Raises:
            ContainerError: They do not end, or the daemon has gone.
        """
        self._daemon.remove(folder)


def prepared_for(containers: Containers | None, request: Request, folder: Path) -> tuple[Request, dict[str, str]]:
    """Leave in a pipeline's folder how its containers are made, if it has any.

    Args:
        containers: The containers, or None where the steps are subprocesses.
        request: The search.
        folder: The folder of the pipeline.

    Returns:
        The search as its steps are to see it, and variables for their driver.

    Raises:
        UserError: A folder that the steps need cannot be shown to a container.
    """
    file = folder / SETTINGS_FILE
    if containers is None:
        file.unlink(missing_ok=True)
        return request, {}
    file.write_text(ContainerSettings.of(request, folder, containers.image).to_json())
    return within(request), {"NASFLOW_IMAGE": containers.image}


def within(request: Request) -> Request:
    """Return a search as its steps see it in containers.

    An MLflow in a file has its absolute path, since they do not start where the command does; and the memory that a
    step may use is its container's limit, which its workers find out about, as in a pod.
    """
    config = request.config
    target = tracking_target(config, request.store())
    changes: dict[str, Any] = {"resources": config.resources.model_copy(update={"memory_gib": None})}
    if target.database is not None:
        changes["tracking"] = config.tracking.model_copy(update={"uri": target.uri})
    return replace(request, config=config.model_copy(update=changes))
