"""A proxy before MinIO's server, which sees every request and can make a fault of any answer."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nasflow.testing.servers import MinioServer


@dataclass
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


@dataclass
class Reply:
    """An answer to it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass
class Proxy:
    """What stands before a server.

    Attributes:
        endpoint: Its address.
        seen: All requests, in the order in which they came.
        answer: Makes the answer to a request, for which it may ask the server behind; None closes the connection.
    """

    endpoint: str = ""
    seen: list[Seen] = field(default_factory=list)
    answer: Callable[[Seen, Callable[[], Reply]], Reply | None] = lambda _, forward: forward()

    def methods(self) -> list[str]:
        """The methods of the requests."""
        return [seen.method for seen in self.seen]

    def lose(self, *methods: str) -> None:
        """Let the server do the next requests with these methods, but lose its answers."""
        left = list(methods)

        def losing(seen: Seen, forward: Callable[[], Reply]) -> Reply | None:
            reply = forward()
            if left and seen.method == left[0]:
                left.pop(0)
                return None
            return reply

        self.answer = losing


@contextmanager
def standing_before(host: str) -> Iterator[Proxy]:
    """Stand before a server, or where none is."""
    proxy = Proxy()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen = Seen(self.command, self.path, dict(self.headers.items()), body, self.client_address)
            proxy.seen.append(seen)
            reply = proxy.answer(seen, lambda: forwarded(host, seen))
            if reply is None:
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
        yield proxy
        server.shutdown()


def forwarded(host: str, seen: Seen) -> Reply:
    """Ask the server behind, with the headers as they were, for they are signed."""
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.putrequest(seen.method, seen.target, skip_host=True, skip_accept_encoding=True)
    for name, value in seen.headers.items():
        connection.putheader(name, value)
    connection.endheaders(seen.body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in ("content-length", "date")}
    return Reply(answer.status, kept, content)


@pytest.fixture
def proxy(minio: MinioServer, minio_client: object) -> Iterator[Proxy]:
    """Stands before the session's server, whose credentials are in the environment."""
    with standing_before(minio.endpoint.removeprefix("http://")) as proxy:
        yield proxy


@pytest.fixture
def fake() -> Iterator[Proxy]:
    """Stands where no server is: the test makes every answer."""
    with standing_before("") as proxy:
        yield proxy


@pytest.fixture
def proxied_url(proxy: Proxy, minio: MinioServer, minio_url: str) -> str:
    """The URL of a place in an empty bucket, by way of the proxy."""
    return minio_url.replace(minio.endpoint, proxy.endpoint)


@pytest.fixture
def reply() -> type[Reply]:
    """The kind of answer, which test modules cannot import."""
    return Reply


@pytest.fixture(autouse=True)
def _all_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let urllib3 log what it would: MLflow's migrations switch the loggers of others off for the whole process."""
    for name in [each for each in logging.root.manager.loggerDict if each.partition(".")[0] == "urllib3"]:
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
