"""The labels that tell what an image can run."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from nasflow.pipelines.search import contents

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_every_entry_point_of_the_project_is_told() -> None:
    found = contents.plugins()
    for group, entries in PROJECT["entry-points"].items():
        assert set(entries) <= set(found[group]), group
    assert found.keys() == PROJECT["entry-points"].keys()
    assert all(names == sorted(names) for names in found.values())


def test_the_label_is_one_line_of_json_whatever_the_order() -> None:
    text = contents.rendered({"nasflow.sources": ["z"], "nasflow.families": ["a", "b"]})
    assert text == '{"nasflow.families":["a","b"],"nasflow.sources":["z"]}'


def test_the_program_prints_what_docker_build_takes() -> None:
    command = [sys.executable, "-P", "-m", "nasflow.pipelines.search.contents"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = dict(line.split("=", 1) for line in ended.stdout.splitlines())
    assert printed == contents.labels()
    assert json.loads(printed["io.nasflow.plugins"]) == contents.plugins()
    assert printed["org.opencontainers.image.version"] == version("nasflow")
