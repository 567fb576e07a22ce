"""Running the search pipeline on this machine through KFP's SubprocessRunner or its DockerRunner.

Run as a program (`python -m nasflow.pipelines.search.local FOLDER`), it drives the pipeline of `FOLDER/request.json`;
all output of the steps goes to its standard output.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from nasflow.engine.request import Request
from nasflow.engine.steps import DRIVER, attend, this_process


def drive(folder: Path) -> None:
    """Run the pipeline of a request to its end, in this process and one subprocess or container a step.

    Args:
        folder: Holds `request.json`, `deadline.txt` with Unix seconds or 0, and `containers.json` where the steps run
            in containers; KFP's artifacts go to `artifacts`.

    Raises:
        RuntimeError: A step failed.
    """
    attend()
    from kfp import local

    from nasflow.pipelines.search.pipeline import search_pipeline

    text = (folder / "request.json").read_text()
    config = Request.from_json(text).config
    deadline = float((folder / "deadline.txt").read_text())
    os.environ[DRIVER] = this_process()
    # One shard at a time: the workers of a shard share the cores already.
    pipeline = search_pipeline(f"nasflow-{config.name}", config, 1, text)
    local.init(
        runner=_runner(folder),
        pipeline_root=str(folder / "artifacts"),
        raise_on_error=True,
    )
    pipeline(request=text, deadline=deadline)


def _runner(folder: Path) -> Any:
    """Return kfp's runner: containers as the folder says, else subprocesses with the packages of this process."""
    from kfp import local

    from nasflow.pipelines.docker.settings import SETTINGS_FILE, ContainerSettings

    file = folder / SETTINGS_FILE
    if not file.exists():
        return local.SubprocessRunner(use_venv=False)
    from nasflow.pipelines.docker.tasks import docker_runner

    (folder / "artifacts").mkdir(exist_ok=True)  # or the daemon makes it, and it is root's
    return docker_runner(ContainerSettings.from_json(file.read_text()), os.environ)


if __name__ == "__main__":
    drive(Path(sys.argv[1]))
