"""Uploading: once for each content, however often it is tried and by however many."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import ClusterError
from nasflow.pipelines.cluster.connection import Access, Connection
from nasflow.pipelines.cluster.uploading import content_name, uploaded
from nasflow.testing.kubeflow import Fault, KubeflowServer


def test_the_same_content_is_uploaded_once(
    server: KubeflowServer, connect: Callable[[], Connection], spec: Path
) -> None:
    assert uploaded(connect(), spec) == uploaded(connect(), spec)
    assert server.count("POST", "upload") == 1
    (pipeline,) = server.kept("pipelines")
    (version,) = server.kept("pipeline_versions")
    assert pipeline["display_name"] == "nasflow-pets"
    assert version["display_name"] == content_name(spec.read_bytes())
    assert server.state.specs[version["pipeline_version_id"]] == spec.read_text()


def test_another_content_is_another_version_of_the_same_pipeline(
    server: KubeflowServer, connection: Connection, spec: Path
) -> None:
    first = uploaded(connection, spec)
    spec.write_text(spec.read_text() + "# changed\n")
    second = uploaded(connection, spec)
    assert first.pipeline_id == second.pipeline_id
    assert first.version_id != second.version_id
    assert len(server.kept("pipelines")) == 1


@pytest.mark.parametrize("kind", [409, "lost", "time-out", "half-closed", 500, 503, 429])
@pytest.mark.parametrize("path", [r"/pipelines$", "upload_version"])
def test_a_fault_on_the_way_leaves_one_of_each(
    server: KubeflowServer, connection: Connection, spec: Path, kind: Any, path: str
) -> None:
    server.faults.append(Fault(kind, path, "POST"))
    if kind == 409:  # somebody else was quicker between the look and the upload: here nobody, so that it is told
        with pytest.raises(ClusterError, match="run the same command again"):
            uploaded(connection, spec)
    uploaded(connection, spec)
    assert len(server.kept("pipelines")) == len(server.kept("pipeline_versions")) == 1


def test_commands_at_the_same_time_share_one_version(
    server: KubeflowServer, connect: Callable[[], Connection], spec: Path
) -> None:
    connections = [connect() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(lambda connection: uploaded(connection, spec), connections))
    assert len(found) == 1
    assert len(server.kept("pipelines")) == len(server.kept("pipeline_versions")) == 1


def test_many_users_upload_into_their_namespaces(spec: Path) -> None:
    with KubeflowServer(multi_user=True) as server:
        for name in ("alice", "bob", "alice"):
            uploaded(Connection(Access(host=server.url, namespace=name, patience=1.0)), spec)
        assert [each["namespace"] for each in server.kept("pipelines")] == ["alice", "bob"]


def test_what_is_no_pipeline_is_refused(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "no.yaml").write_text("pipelineInfo: {name: no}\n")
    with pytest.raises(ClusterError, match="no pipeline"):
        uploaded(connection, tmp_path / "no.yaml")
