from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.config import SearchConfig
from nasflow.errors import ConfigError
from nasflow.storage.file import FileStore
from nasflow.tracking import TrackingTarget, tracking_target


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def config(**tracking: str) -> SearchConfig:
    return SearchConfig.model_validate({"name": "digits", "data": "sklearn:digits", "tracking": tracking})


def test_the_default_lies_in_the_store_and_writes_nothing(tmp_path: Path) -> None:
    target = tracking_target(config(), FileStore(tmp_path / "store"))
    assert target == TrackingTarget(f"sqlite:///{tmp_path}/store/mlflow.db", "digits")
    assert target.database == tmp_path / "store" / "mlflow.db"
    assert target.artifact_location == str(tmp_path / "store" / "mlartifacts")
    assert list(tmp_path.iterdir()) == []


def test_a_remote_store_keeps_it_in_its_local_folder(tmp_path: Path) -> None:
    class Remote:
        url = "s3://bucket/prefix"

        def local_folder(self) -> Path:
            return tmp_path

    assert tracking_target(config(), Remote()).database == tmp_path / "mlflow.db"


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


def test_passwords_are_not_shown() -> None:
    shown = TrackingTarget("postgresql://user:secret@host:5432/db", "x").shown
    assert shown == "postgresql://***@host:5432/db"
    assert TrackingTarget("http://host/a@b", "x").shown == "http://host/a@b"
