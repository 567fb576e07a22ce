"""Whether everything that a search needs is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.pipelines.cluster import health
from nasflow.pipelines.cluster.connection import Access
from nasflow.pipelines.cluster.findings import Finding
from nasflow.storage import opening
from nasflow.storage.file import FileStore
from nasflow.testing.kubeflow import Fault, KubeflowServer


def config(**sections: Any) -> SearchConfig:
    return SearchConfig.model_validate({"name": "pets", "data": "sklearn:digits"} | sections)


def access(server: KubeflowServer, **more: Any) -> Access:
    return Access(host=server.url, patience=0.0, limits=(1.0, 1.0), **more)


def cluster(server: KubeflowServer, **more: Any) -> list[Finding]:
    return list(health.cluster(access(server, **more)))


def test_everything_is_tested_and_nothing_left_behind(
    server: KubeflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    search = config(storage={"url": str(tmp_path / "store")})
    found = list(health.examined(search, tmp_path, access(server)))
    assert [each.what for each in found] == [
        "versions",
        "device",
        "data",
        "store",
        "MLflow",
        "Kubeflow Pipelines",
        "namespace",
        "reading there",
        "writing there",
        "Kubernetes",
    ]
    assert [each.well for each in found] == [True] * 9 + [None]
    assert not (tmp_path / "store").exists()
    assert server.kept("experiments") == []


def test_without_a_search_its_parts_are_not_tested(server: KubeflowServer, tmp_path: Path) -> None:
    found = {each.what for each in health.examined(None, tmp_path, access(server))}
    assert found.isdisjoint({"data", "store", "MLflow"})


def test_versions_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "kfp 2.17." in health.versions()
    monkeypatch.setattr(health, "KFP_VERSION", "3.1")
    finding = health.found("versions", health.versions)
    assert (finding.well, "pip install kfp==3.1.0" in finding.said) == (False, True)


def test_the_data_are_looked_at(tmp_path: Path) -> None:
    assert health.data(config(), tmp_path) == Finding("data", "sklearn:digits: 1,797 samples in 10 classes")
    elsewhere = health.data(config(data="photos"), tmp_path)
    assert (elsewhere.well, "perhaps on the cluster" in elsewhere.said) == (None, True)
    (tmp_path / "photos").mkdir()
    assert health.data(config(data="photos"), tmp_path).well is False


class _Loose(FileStore):
    """A store whose conditional writes are none."""

    def put_if_absent(self, key: str, content: bytes) -> bool:
        self.put(key, content)
        return True


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return a dictionary whose `kind` is the store that `odd://` opens."""
    chosen: dict[str, Any] = {"kind": FileStore}
    monkeypatch.setattr(opening.plugins, "load", lambda group, name: lambda url: chosen["kind"](str(tmp_path / "odd")))
    yield chosen
    assert not list((tmp_path / "odd").rglob("*.json"))


def test_a_store_is_written_to_and_left_as_it_was(plugged: dict[str, Any]) -> None:
    search = config(storage={"url": "odd://bucket/prefix"})
    said = health.store(search)
    assert said == "odd://bucket/prefix can be written, read, listed and deleted from"
    plugged["kind"] = _Loose
    finding = health.found("store", lambda: health.store(search))
    assert finding.well is False
    assert "does not create only once as it must" in finding.said


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    finding = health.found("store", lambda: health.store(config(storage={"url": str(tmp_path / "file" / "s")})))
    assert finding.well is False


def test_an_mlflow_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    search = config(storage={"url": str(tmp_path / "s")})
    finding = health.tracking(search)
    assert finding.well is False
    assert "secret" not in finding.said


def test_no_address_is_no_failure() -> None:
    (finding,) = health.cluster(Access())
    assert (finding.well, "--host or KF_PIPELINES_ENDPOINT" in finding.said) == (None, True)


def test_another_version_is_told(server: KubeflowServer) -> None:
    assert "version 2.17.0" in cluster(server)[0].said
    server.version = "2.5.0"
    (finding,) = cluster(server)
    assert (finding.well, "is version 2.5.0" in finding.said) == (False, True)
    server.version = "unknown"
    assert cluster(server)[0].well


def test_a_namespace_that_is_missing_is_told() -> None:
    with KubeflowServer(multi_user=True) as server:
        assert [each.well for each in cluster(server)] == [True, False]
        assert [each.well for each in cluster(server, namespace="alice")] == [True] * 4


@pytest.mark.parametrize(
    ("fault", "wells", "said"),
    [
        (Fault(401, times=-1), [False], "no credentials were given"),
        (Fault("login", times=-1), [False], "page to log in"),
        (Fault(403, "recurringruns", times=-1), [True, True, False, True], "list the recurring runs"),
        (Fault(403, "experiments", "POST", times=-1), [True, True, True, False], "make an experiment"),
    ],
)
def test_what_is_not_allowed_says_what_to_do(
    server: KubeflowServer, fault: Fault, wells: list[bool], said: str
) -> None:
    server.faults.append(fault)
    found = cluster(server)
    assert [each.well for each in found] == wells
    assert any(said in each.said for each in found if not each.well)
