"""Running the search pipeline on this machine through KFP's SubprocessRunner.

Run as a program (`python -m nasflow.pipelines.search.local FOLDER`), it drives the pipeline of `FOLDER/request.json`;
all output of the steps goes to its standard output.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nasflow.engine.request import Request
from nasflow.engine.steps import DRIVER, attend, this_process


def drive(folder: Path) -> None:
    """Run the pipeline of a request to its end, in this process and one subprocess a step.

    Args:
        folder: Holds `request.json`, and `deadline.txt` with Unix seconds or 0; KFP's artifacts go to `artifacts`.

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
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(folder / "artifacts"),
        raise_on_error=True,
    )
    pipeline(request=text, deadline=deadline)


if __name__ == "__main__":
    drive(Path(sys.argv[1]))
