"""What the driver of the local pipeline leaves behind, and what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.request import Request


def pipeline_folder(site: Any) -> Path:
    return next(iter(site.store_folder.glob("local/pipelines/*")))


def test_the_artifacts_and_the_log_of_every_step_are_kept(by_pipeline: Any) -> None:
    folder = pipeline_folder(by_pipeline.site)
    log = (folder / "log.txt").read_text(errors="replace")
    for step in ("prepare-data", "generate-space", "propose-2", "select", "train-final", "register-model"):
        assert f"'{step}'" in log
    artifacts = {path.name for path in (folder / "artifacts").rglob("*")}
    assert {"space", "proposal", "receipt", "selection", "leaderboard", "outcome", "model", "page"} <= artifacts
    assert Request.from_json((folder / "request.json").read_text()).config.name == "small"


def test_kubeflows_own_views_are_filled(by_pipeline: Any) -> None:
    folder = pipeline_folder(by_pipeline.site)
    (leaderboard,) = (folder / "artifacts").rglob("leaderboard")
    assert "<table" in leaderboard.read_text()
    (page,) = (folder / "artifacts").rglob("page")
    assert page.read_text().lower().startswith("<!doctype html>")
    log = (folder / "log.txt").read_text(errors="replace")
    assert "val_accuracy" in log
    assert "confusion" in log.lower()


def test_the_driver_needs_its_request(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "nasflow.pipelines.search.local", str(tmp_path)], capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "request.json" in ended.stderr


@pytest.mark.parametrize("module", ["torch", "mlflow", "sklearn"])
def test_the_driver_imports_nothing_that_it_does_not_need(module: str) -> None:
    program = (
        "import sys\n"
        "import nasflow.pipelines.search.local, nasflow.pipelines.search.pipeline\n"
        f"sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
