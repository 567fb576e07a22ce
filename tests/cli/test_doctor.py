"""`nasflow doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nasflow.cli.main import app
from nasflow.testing.kubeflow import KubeflowServer

TOKEN = "token-that-nobody-may-see"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KF_PIPELINES_PATIENCE", "0")
    for name in ("KUBECONFIG", "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_TOKEN", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    Path("pets.yaml").write_text("name: pets\ndata: sklearn:digits\n")


def doctor(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["doctor", *arguments], env={"COLUMNS": "80"})
    assert TOKEN not in result.output
    assert "Traceback" not in result.output
    return result


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", TOKEN)
    with KubeflowServer(token=TOKEN) as server:
        result = doctor("pets.yaml", "--host", server.url)
    assert result.exit_code == 0, result.output
    assert "well    data: sklearn:digits: 1,797 samples in 10 classes\n" in result.output
    assert "answers with credentials, version 2.17.0 " in " ".join(result.output.split())
    assert "skipped Kubernetes: " in result.output
    assert not Path("nasflow-store").exists()


def test_what_fails_is_told_and_is_status_1() -> None:
    with KubeflowServer(token=TOKEN) as server:
        result = doctor("--host", server.url)
    assert result.exit_code == 1
    assert "fails   Kubeflow Pipelines: " in result.output
    assert "no credentials were given" in result.output
    assert result.stderr == "nasflow: 1 test failed; each says what to do.\n"


def test_without_a_cluster_that_is_skipped() -> None:
    result = doctor()
    assert result.exit_code == 0
    assert "skipped Kubeflow Pipelines: no Kubeflow Pipelines is known here" in result.output
