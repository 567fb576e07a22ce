"""Finding the runs and a port, and MLflow's UI on them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasflow.cli import ui
from nasflow.cli.main import app
from nasflow.config import load_config
from nasflow.errors import UserError
from nasflow.storage import open_store
from nasflow.tracking import tracking_target


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def search(text: str = "") -> Path:
    path = Path("s.yaml")
    path.write_text(f"name: digits\ndata: sklearn:digits\n{text}")
    return path


def store(name: str) -> Path:
    root = Path(name).resolve()
    root.mkdir(parents=True)
    (root / "mlflow.db").touch()
    return root


def test_the_stores_own_database_is_the_default() -> None:
    root = store("nasflow-store")
    for target in (ui.tracking_of(None, None), ui.tracking_of(search(), None)):
        assert target.uri == f"sqlite:///{root}/mlflow.db"
        assert target.artifacts == root / "mlartifacts"


def test_the_store_of_the_file_and_of_the_option() -> None:
    mine, other = store("mine"), store("other")
    assert ui.tracking_of(search("storage: {url: mine}\n"), None).artifacts == mine / "mlartifacts"
    assert ui.tracking_of(search("storage: {url: mine}\n"), "other").artifacts == other / "mlartifacts"
    assert ui.tracking_of(None, f"file://{other}").artifacts == other / "mlartifacts"


def test_the_file_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment:5000")
    assert ui.tracking_of(search(), None).uri == "http://environment:5000"
    assert ui.tracking_of(None, None).uri == "http://environment:5000"
    assert ui.tracking_of(search("tracking: {uri: 'http://file:5000'}\n"), None).uri == "http://file:5000"


def test_the_option_comes_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment:5000")
    root = store("mine")
    for config in (None, search("tracking: {uri: 'http://file:5000'}\n")):
        assert ui.tracking_of(config, "mine").database == root / "mlflow.db"


@pytest.mark.parametrize("name", ["a%20b", "a b", "what?", "no#1"])
def test_the_runs_are_looked_for_where_a_search_keeps_them(name: str) -> None:
    root = store(name)
    config = search(f"storage: {{url: '{name}'}}\n")
    assert ui.tracking_of(config, None) == replace(
        tracking_target(load_config(config), open_store(name)), experiment=""
    )
    assert ui.tracking_of(None, name).database == root / "mlflow.db"


def test_a_folder_in_the_environment_is_refused_as_a_search_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI: MLflow no longer keeps runs in folders"):
        ui.tracking_of(None, None)


def test_where_nothing_was_run_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no search has been run that keeps its runs in '.*nasflow-store/mlflow.db'"):
        ui.tracking_of(None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_server_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:hunter2@mlflow.example.org/x")
    result = CliRunner().invoke(app, ["ui"])
    assert result.exit_code == 0
    assert result.output == "The runs are on the MLflow server at https://mlflow.example.org/x.\n"


def test_a_free_port_is_found_beside_a_taken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 is taken"):
            ui.free_port("127.0.0.1", port)
        monkeypatch.setattr(ui, "FIRST_PORT", port)
        assert port < ui.free_port("127.0.0.1", None) < port + 50
        monkeypatch.setattr(ui, "_PORTS", 1)
        with pytest.raises(UserError, match="is free; name one with --port"):
            ui.free_port("127.0.0.1", None)


def test_a_host_that_is_none() -> None:
    with pytest.raises(UserError, match="is no address of this machine"):
        ui.free_port("no.such.host.invalid", None)


def test_a_server_that_ends_at_once_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    store("nasflow-store")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = CliRunner().invoke(app, ["ui"])
    assert result.exit_code == 1
    assert "MLflow's UI did not start (exit status 1)" in result.stderr


@pytest.mark.slow
def test_mlflows_ui_comes_up_and_goes_with_the_command() -> None:
    import mlflow

    root = store("nasflow-store")
    (root / "mlflow.db").unlink()
    client = mlflow.MlflowClient(f"sqlite:///{root}/mlflow.db")
    client.create_experiment("digits")
    command = [sys.executable, "-u", "-c", "from nasflow.cli.main import main; main()", "ui"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:(\d+)) ", line)
        assert found, line
        request = urllib.request.Request(
            f"{found[1]}/ajax-api/2.0/mlflow/experiments/search",
            data=b'{"max_results": 10}',
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert '"digits"' in answer.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(found[2]))) != 0
