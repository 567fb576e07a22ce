"""kfp's client as this project uses it."""

from __future__ import annotations

import ssl
import subprocess
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import kfp
import pytest

from nasflow.errors import ClusterError
from nasflow.pipelines.cluster.client import Client, TokenFile
from nasflow.pipelines.cluster.connection import Access, Connection
from nasflow.testing.kubeflow import Fault, KubeflowServer


def test_it_is_kfps_client_and_asks_nothing_while_it_is_made(
    server: KubeflowServer, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    client = Client((1.0, 1.0), host=server.url)
    assert isinstance(client, kfp.Client)
    assert (client.host, client.page) == (server.url, server.url)
    assert server.asked == []
    assert "".join(capfd.readouterr()) == ""
    assert not recwarn.list


def test_every_request_has_a_time_limit(server: KubeflowServer) -> None:
    server.faults.append(Fault("time-out", times=-1))
    server.stalled_seconds = 5.0
    began = time.monotonic()
    with pytest.raises(Exception, match="timed out"):
        Client((1.0, 0.3), host=server.url).list_experiments()
    assert time.monotonic() - began < 3.0


def test_it_does_not_try_again_by_itself(server: KubeflowServer) -> None:
    server.faults.append(Fault(503, times=-1))
    with pytest.raises(Exception, match="503"):
        Client((1.0, 1.0), host=server.url).list_experiments()
    assert len(server.asked) == 1


def test_a_page_is_no_empty_list(server: KubeflowServer) -> None:
    server.faults.append(Fault("page"))
    with pytest.raises(Exception, match="a page"):
        Client((1.0, 1.0), host=server.url).list_experiments()


def test_it_knows_whether_it_has_credentials(server: KubeflowServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" abc\n")
    assert not Client((1.0, 1.0), host=server.url).authenticated
    assert Client((1.0, 1.0), host=server.url, existing_token="abc").authenticated
    assert Client((1.0, 1.0), host=server.url, cookies="a=b").authenticated
    client = Client((1.0, 1.0), host=server.url, credentials=TokenFile(tmp_path / "token"))
    assert client.authenticated
    assert client.api.configuration.get_api_key_with_prefix("authorization") == "Bearer abc"


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_certificate_of_ones_own_authority_needs_its_file(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make, *more], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with HTTPServer(("localhost", 0), _Empty) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, daemon=True).start()
        host = f"https://localhost:{server.server_address[1]}"
        with pytest.raises(ClusterError, match=r"certificate of .* is not trusted here"):
            _ = Connection(Access(host=host, patience=0.0)).multi_user
        assert not Connection(Access(host=host, patience=0.0, ca_file=certificate)).multi_user
        server.shutdown()
