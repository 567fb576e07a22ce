from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from nasflow.config import SearchConfig
from nasflow.errors import ConfigError
from nasflow.storage.file import FileStore
from nasflow.tracking import TrackingTarget, store_target, target_of, tracking_target
from nasflow.tracking.client import connect


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def config(**tracking: str) -> SearchConfig:
    return SearchConfig.model_validate({"name": "digits", "data": "sklearn:digits", "tracking": tracking})


@dataclass
class Elsewhere:
    url: str
    folder: Path = Path("/nowhere")

    def local_folder(self) -> Path:
        return self.folder


def test_the_default_lies_in_the_store_and_writes_nothing(tmp_path: Path) -> None:
    target = tracking_target(config(), FileStore(tmp_path / "store"))
    assert target == TrackingTarget(f"sqlite:///{tmp_path}/store/mlflow.db", "digits")
    assert target.database == tmp_path / "store" / "mlflow.db"
    assert target.artifacts == tmp_path / "store" / "mlartifacts"
    assert target.artifact_location == f"file://{tmp_path}/store/mlartifacts"
    assert list(tmp_path.iterdir()) == []


def test_a_remote_store_keeps_it_in_its_local_folder(tmp_path: Path) -> None:
    assert tracking_target(config(), Elsewhere("s3://bucket/prefix", tmp_path)).database == tmp_path / "mlflow.db"


def test_the_variable_goes_before_the_default_and_the_field_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert tracking_target(config(), store).uri == "http://mlflow:5000"
    chosen = tracking_target(config(uri="https://other", experiment="mine"), store)
    assert chosen == TrackingTarget("https://other", "mine")
    assert chosen.database is None
    assert chosen.artifact_location is None


def test_a_relative_file_is_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = tracking_target(config(uri="sqlite:///runs/my.db"), FileStore(tmp_path))
    assert target.uri == f"sqlite:///{tmp_path}/runs/my.db"


@pytest.mark.parametrize("name", ["a b", "a%20b", "what?", "no#1", "50%", "a%3Fb"])
def test_any_folder_keeps_its_runs_and_artifacts_inside(tmp_path: Path, template: Path, name: str) -> None:
    root = tmp_path / name
    for place in (str(root), root.as_uri()):
        assert tracking_target(config(), FileStore(place)).database == root / "mlflow.db"
    assert tracking_target(config(), Elsewhere(root.as_uri())).database == root / "mlflow.db"
    target = tracking_target(config(), FileStore(root))
    root.mkdir()
    shutil.copy(template, root / "mlflow.db")
    connection = connect(target)
    run = connection.client.create_run(connection.experiment_id)
    connection.client.log_text(run.info.run_id, "kept", "note.txt")
    (note,) = root.glob("mlartifacts/*/artifacts/note.txt")
    assert note.read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert sorted(path.name for path in root.iterdir()) == ["mlartifacts", "mlflow.db"]
    with sqlite3.connect(root / "mlflow.db") as database:
        assert database.execute("select name from experiments where name = 'digits'").fetchall() == [("digits",)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a%20b", "what?"])
def test_a_fresh_database_is_made_in_any_folder(tmp_path: Path, name: str) -> None:
    connect(tracking_target(config(), FileStore(tmp_path / name)))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "mlflow.db").stat().st_size > 100_000


def test_a_relative_file_with_a_query_is_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a%20b").mkdir()
    monkeypatch.chdir(tmp_path / "a%20b")
    target = tracking_target(config(uri="sqlite:///runs.db?timeout=5"), FileStore(tmp_path))
    assert target.uri == f"sqlite:///{tmp_path}/a%2520b/runs.db?timeout=5"
    assert target.database == tmp_path / "a%20b" / "runs.db"


def test_a_store_may_be_asked_for_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert store_target(FileStore(tmp_path)).database == tmp_path / "mlflow.db"
    assert target_of(None, FileStore(tmp_path)).uri == "http://mlflow:5000"
    assert target_of("http://other", FileStore(tmp_path)).uri == "http://other"


@pytest.mark.parametrize("uri", ["./mlruns", "mlruns", "file:mlruns", "file://{}/mlruns", "/tmp/mlruns"])
def test_folders_are_refused_with_what_to_write_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(tmp_path))
    with pytest.raises(ConfigError, match=r"^MLFLOW_TRACKING_URI: .*write 'sqlite:////.*mlruns/mlflow\.db'") as raised:
        tracking_target(config(), FileStore(tmp_path))
    assert len(raised.value.problems) == 1


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "postgresql://u:p@h/db", "databricks"])
def test_other_uris_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    target = tracking_target(config(), FileStore(tmp_path))
    assert (target.uri, target.database) == (uri, None)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://user:secret@host:5432/db", "postgresql://***@host:5432/db"),
        ("postgresql://user:sec@ret@host/db", "postgresql://***@host/db"),
        ("https://secret@host", "https://***@host"),
        ("http://host/a@b", "http://host/a@b"),
    ],
)
def test_passwords_are_not_shown(uri: str, shown: str) -> None:
    assert TrackingTarget(uri, "x").shown == shown
