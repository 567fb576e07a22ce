"""The example package, installed by pip and searched by the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from nasflow.config.loading import load_config
from nasflow.testing.plugins import installed
from nasflow.trials import Status

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/own_family"


def test_its_search_is_valid(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "tiny.py", tmp_path)
    with installed(tmp_path, {"families": {"tiny": "tiny:Tiny"}}, "tiny"):
        assert load_config(EXAMPLE / "digits.yaml").space.family == "tiny"
    sys.modules.pop("tiny", None)


def test_docs_show_it_as_it_is() -> None:
    page = (EXAMPLE.parents[1] / "docs/own-space.md").read_text()
    assert (EXAMPLE / "tiny.py").read_text() in page
    metadata = (EXAMPLE / "pyproject.toml").read_text()
    assert '[project.entry-points."nasflow.families"]\ntiny = "tiny:Tiny"\n' in page
    assert '[project.entry-points."nasflow.families"]\ntiny = "tiny:Tiny"\n' in metadata
    layers = yaml.safe_load((EXAMPLE.parent / "layers.yaml").read_text())["space"]
    assert yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])["space"] == layers


@pytest.mark.slow
def test_installed_by_pip_it_is_searched_and_delivered(tmp_path: Path, site: Any) -> None:
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True)
    assert (target / "tiny.py").exists()
    site.ready()
    space: dict[str, Any] = {"space": {"family": "tiny", "options": None, "choices": {"width": [16], "depth": [1, 2]}}}
    path = os.pathsep.join([str(target), *filter(None, [os.environ.get("PYTHONPATH")])])
    code, output = site.command("run", site.yaml(**space), PYTHONPATH=path)
    assert code == 0, output
    site.accounted(5)
    assert {entry.trial.architecture.family for entry in site.history()} == {"tiny"}
    assert {entry.result.status for entry in site.history()} == {Status.COMPLETED}
    assert site.kinds()["final"] >= 1
