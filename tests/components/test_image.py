"""The image that all components run in."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = "from nasflow.components.image import IMAGE\nprint(IMAGE)"


@pytest.mark.parametrize(("given", "expected"), [(None, "nasflow-python:latest"), ("mine@sha256:0a", "mine@sha256:0a")])
def test_the_environment_names_it(given: str | None, expected: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NASFLOW_IMAGE"}
    if given is not None:
        environment["NASFLOW_IMAGE"] = given
    found = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == expected


def test_its_usual_name_says_python_so_that_kubeflow_runs_it_locally() -> None:
    assert "python" in subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True).stdout
