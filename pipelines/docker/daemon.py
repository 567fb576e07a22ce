"""The Docker daemon of this machine: reached, asked for an image, and rid of what a killed run has left behind."""

from __future__ import annotations

import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nasflow.errors import ContainerError, UserError
from nasflow.pipelines.search.contents import VERSION

LABEL = "io.nasflow.pipeline"
"""Label of the containers of a run: the folder of its pipeline, which no other search on this machine shares."""

_GONE_SECONDS = 15.0


class Daemon:
    """The Docker daemon, by the address in `DOCKER_HOST` or at its usual socket.

    Raises:
        ContainerError: It does not answer.
    """

    def __init__(self) -> None:
        import docker
        from docker.errors import DockerException

        try:
            self.client = docker.from_env()
            self.client.ping()
        except (DockerException, OSError) as error:
            raise ContainerError(
                f"the Docker daemon does not answer ({cause(error)}): start it (as in 'systemctl start docker'), see "
                "that you may use it ('docker ps'), or name another one in DOCKER_HOST."
            ) from error

    def image(self, name: str) -> str:
        """Return the id of an image, which names it even after its tag was given to another.

        Args:
            name: A tag, a digest or an id; one of a registry is pulled where it is not here.

        Raises:
            UserError: There is no such image, or it has another version of nasflow.
        """
        from docker.errors import DockerException, ImageNotFound

        try:
            try:
                found = self.client.images.get(name)
            except ImageNotFound:
                if not _of_registry(name):
                    raise
                self.client.images.pull(name)
                found = self.client.images.get(name)
        except DockerException as error:
            raise UserError(
                f"there is no image '{name}' ({cause(error)}): build it with 'make image', or name another one "
                "with --image."
            ) from error
        _check_version(name, found.labels)
        return str(found.id)

    def remove(self, folder: Path) -> None:
        """End and remove the containers of a pipeline, and return when they are gone.

        Args:
            folder: The folder of the pipeline.

        Raises:
            ContainerError: They do not end, or the daemon has gone.
        """
        from docker.errors import APIError, DockerException

        deadline = time.monotonic() + _GONE_SECONDS
        try:
            while left := self.containers(folder):
                for container in left:
                    with suppress(APIError):  # it is being removed already
                        container.remove(force=True, v=True)
                if time.monotonic() > deadline:
                    names = ", ".join(container.name for container in left)
                    raise ContainerError(
                        f"containers of this search have not ended within {_GONE_SECONDS:.0f} seconds: {names}; remove "
                        "them ('docker rm --force NAME'), and run the same command again."
                    )
                time.sleep(0.05)
        except (DockerException, OSError) as error:
            raise ContainerError(
                f"the Docker daemon no longer answers ({cause(error)}); start it, and run the same command again."
            ) from error

    def containers(self, folder: Path) -> list[Any]:
        """Return the containers of a pipeline, those included that have not started or are over."""
        return list(self.client.containers.list(all=True, filters={"label": f"{LABEL}={folder}"}, ignore_removed=True))


def cause(error: Exception) -> str:
    """Return what is behind an error of docker's client, on one line."""
    told = getattr(error, "explanation", None) or error
    lines = str(told).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def _of_registry(name: str) -> bool:
    """Whether a name says which registry it is of; others would come from one where anybody may have taken them."""
    host, slash, _ = name.partition("/")
    return bool(slash) and (host == "localhost" or "." in host or ":" in host)


def _check_version(name: str, labels: dict[str, str]) -> None:
    """Refuse an image whose results would mix with those of another version.

    Raises:
        UserError: Its label tells of one.
    """
    here, there = version("nasflow"), labels.get(VERSION)
    if there is not None and there != here:
        raise UserError(
            f"image '{name}' has nasflow {there}, and this is nasflow {here}: one search takes one version. Build the "
            "image again ('make image'), or name another with --image."
        )
