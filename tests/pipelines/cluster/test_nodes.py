"""The cluster's nodes, as its API tells of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from nasflow.pipelines.cluster.nodes import nodes

Answers = dict[str, tuple[int, Any]]


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers], None]]:
    """Return a function that lets a server answer as Kubernetes' API does, with a kubeconfig that leads to it."""
    answers: Answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = answers.get(self.path, (404, {}))
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_address[1]}"
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": host}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        yield answers.update
        server.shutdown()


def version(minor: str) -> tuple[int, Any]:
    names = ("gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
    return 200, {"major": "1", "minor": minor, **dict.fromkeys(names, "x")}


def node(**allocatable: str) -> dict[str, Any]:
    given = {key.replace("__", "/").replace("_", "."): value for key, value in allocatable.items()}
    return {"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "8", "memory": "16Gi", **given}}}


def listed(*members: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": list(members)}


def test_without_a_kubeconfig_they_are_not_looked_at() -> None:
    assert nodes().well is None


def test_version_and_accelerators_are_told(answering: Callable[[Answers], None]) -> None:
    some = listed(node(nvidia_com__gpu="4"), node(nvidia_com__gpu="2"), node(amd_com__gpu="1"), node())
    answering({"/version/": version("34+"), "/api/v1/nodes": some})
    found = nodes()
    assert (found.well, found.said) == (True, "version 1.34, 4 nodes, 1 amd.com/gpu, 6 nvidia.com/gpu")


def test_no_accelerators_are_told(answering: Callable[[Answers], None]) -> None:
    answering({"/version/": version("33"), "/api/v1/nodes": listed(node(nvidia_com__gpu="0"))})
    assert "no accelerators: no device plugin offers any" in nodes().said


def test_a_version_that_nobody_tested_is_told(answering: Callable[[Answers], None]) -> None:
    for minor in ("29", "35"):
        answering({"/version/": version(minor), "/api/v1/nodes": listed()})
        assert (nodes().well, "tested are 1.30 to 1.34" in nodes().said) == (False, True)


@pytest.mark.parametrize(
    ("status", "well", "said"), [(403, None, "may not see nodes"), (401, False, "renew the login")]
)
def test_what_is_not_allowed_is_told(
    answering: Callable[[Answers], None], status: int, well: bool | None, said: str
) -> None:
    answering({"/version/": version("34"), "/api/v1/nodes": (status, {})})
    assert (nodes().well, said in nodes().said) == (well, True)


def test_a_cluster_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("{}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert (nodes().well, "check KUBECONFIG" in nodes().said) == (False, True)
