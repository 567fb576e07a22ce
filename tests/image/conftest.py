"""The Docker daemon and the project's image, for tests that are skipped, with a reason, where they are not there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nasflow.components.image import IMAGE
from nasflow.errors import NasflowError
from nasflow.pipelines.docker.daemon import Daemon

ROOT = Path(__file__).parents[2]
REQUIRED = "NASFLOW_REQUIRE_DOCKER"
"""Environment variable that makes the absence of the daemon or the image a failure instead of a reason to skip."""


def absent(reason: str) -> None:
    """Skip the test, or let it fail where it must not be skipped."""
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def daemon() -> Daemon:
    """A daemon that answers."""
    try:
        return Daemon()
    except NasflowError as error:
        absent(f"needs Docker: {error}")
        raise


@pytest.fixture(scope="session")
def image(daemon: Daemon) -> str:
    """Name of the image that `make image` builds, or of the one in NASFLOW_IMAGE."""
    try:
        daemon.image(IMAGE)
    except NasflowError as error:
        absent(f"needs the project's image ('make image'): {error}")
    return IMAGE


@pytest.fixture
def within(image: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in the image: as an unknown user of group 0, on a file system that cannot be written."""

    def run(*command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        fixed = ("--rm", "--read-only", "--user=12345:0", "--tmpfs=/tmp", "--network=none", "--cap-drop=ALL", *options)
        return subprocess.run(["docker", "run", *fixed, image, *command], capture_output=True, text=True)

    return run


@pytest.fixture
def leftover(daemon: Daemon) -> Callable[[Any], list[Any]]:
    """Return the containers of a site's searches."""

    def found(site: Any) -> list[Any]:
        folders = list(site.store_folder.glob("local/pipelines/*"))
        return [container for folder in folders for container in daemon.containers(folder)]

    return found
