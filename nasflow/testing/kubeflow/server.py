"""The server itself: HTTP, authentication, the schema's checks, and faults."""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from nasflow.testing.kubeflow.faults import Fault
from nasflow.testing.kubeflow.schema import Operation, SchemaError, check, operations
from nasflow.testing.kubeflow.state import AnswerError, Document, State

_LOG = re.compile(r"/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log")


class KubeflowServer:
    """Kubeflow Pipelines on a free port of this machine; a context manager.

    Args:
        multi_user: Whether every user has a namespace.
        token: The token that requests must carry, or empty for none.
        cookie: The cookie that they may carry instead.
    """

    def __init__(self, *, multi_user: bool = False, token: str = "", cookie: str = "") -> None:
        self.state = State(multi_user=multi_user)
        self.token, self.cookie = token, cookie
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str, int]] = []
        self.stalled_seconds = 2.0
        self.version = "2.17.0"
        self._operations = operations()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"kubeflow": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def kept(self, kind: str) -> list[Document]:
        """Return what it keeps of a kind, in the order in which it was made."""
        return list(self.state.kept[kind].values())

    def count(self, method: str, path: str) -> int:
        """Return how many requests with this method and a path like this it has answered."""
        return sum(m == method and re.search(path, p) is not None for m, p, _ in self.asked)

    def answer(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Return status and document of an answer; a text where it is a log."""
        split = urlsplit(target)
        try:
            self._admit(headers)
            if (found := _LOG.fullmatch(split.path)) and method == "GET":
                return 200, self.state.log(*found.groups())
            with self._lock:
                return 200, self._document(method, split.path, split.query, headers, content)
        except SchemaError as error:
            return 400, {"code": 3, "message": f"schema: {error}"}
        except AnswerError as error:
            return error.status, {"code": error.status, "message": error.message}

    def _admit(self, headers: Mapping[str, str]) -> None:
        known = (self.token, headers.get("authorization")), (self.cookie, headers.get("cookie"))
        wanted = (f"Bearer {self.token}", self.cookie)
        if (self.token or self.cookie) and not any(
            secret and given == right for (secret, given), right in zip(known, wanted, strict=True)
        ):
            raise AnswerError(401, "Request header error: there is no valid identity")

    def _document(self, method: str, path: str, query: str, headers: Mapping[str, str], content: bytes) -> Document:
        operation, parts = self._operation(method, path)
        asked = operation.check_query(parse_qs(query, keep_blank_values=True))
        if operation.file:
            return self._uploaded(operation, asked, headers, content)
        body = json.loads(content) if content else {}
        if operation.body:
            check(operation.body, body, operation.body)
        elif body:
            raise SchemaError(f"{operation.name} takes no body")
        return self._work(operation, parts, asked, body)

    def _operation(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        for operation in self._operations:
            if operation.method == method and (found := operation.pattern.match(path)):
                return operation, found.groupdict()
        raise AnswerError(404, f"Not Found: {method} {path}")

    def _uploaded(
        self, operation: Operation, query: dict[str, str], headers: Mapping[str, str], content: bytes
    ) -> Document:
        head = f"Content-Type: {headers.get('content-type', '')}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
        files = [
            part
            for part in message.iter_parts()
            if part.get_param("name", header="content-disposition") == operation.file
        ]
        if operation.name != "upload_pipeline_version" or len(files) != 1:
            raise AnswerError(400, "Failed to create a pipeline version")
        payload = files[0].get_payload(decode=True)
        return self.state.upload_version(query, payload if isinstance(payload, bytes) else b"")

    def _work(self, operation: Operation, parts: dict[str, str], query: dict[str, str], body: Document) -> Document:
        state = self.state
        works: dict[str, Callable[[], Document]] = {
            "get_healthz": lambda: {"multi_user": state.multi_user, "tag_name": self.version},
            "create_experiment": lambda: state.create(
                "experiments", "experiment_id", body, ("display_name", "namespace")
            ),
            "list_experiments": lambda: state.list("experiments", query),
            "delete_experiment": lambda: state.delete("experiments", parts["experiment_id"]),
            "create_pipeline": lambda: state.create("pipelines", "pipeline_id", body, ("display_name", "namespace")),
            "list_pipelines": lambda: state.list("pipelines", query),
            "list_pipeline_versions": lambda: state.list("pipeline_versions", query, **parts),
            "create_run": lambda: state.create_run(body),
            "get_run": lambda: state.run(parts["run_id"]),
            "list_runs": lambda: state.list("runs", query),
            "terminate_run": lambda: state.terminate(parts["run_id"]),
            "create_recurring_run": lambda: state.create_recurring(body),
            "list_recurring_runs": lambda: state.list("recurring_runs", query),
            "enable_recurring_run": lambda: state.switch(parts["recurring_run_id"], on=True),
            "disable_recurring_run": lambda: state.switch(parts["recurring_run_id"], on=False),
            "delete_recurring_run": lambda: state.delete("recurring_runs", parts["recurring_run_id"]),
        }
        if operation.name not in works:
            raise AnswerError(501, f"this server does not do {operation.name}")
        return works[operation.name]()


class _Handler(BaseHTTPRequestHandler):
    kubeflow: KubeflowServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        fault = next((each for each in self.kubeflow.faults if each.takes(self.command, path)), None)
        headers = {key.lower(): value for key, value in self.headers.items()}
        if fault is None or fault.kind == "lost":
            status, document = self.kubeflow.answer(self.command, self.path, headers, content)
            self.kubeflow.asked.append((self.command, path, status))
            if fault is not None:
                self._cut(b"")
                return
            self._send(status, document)
            return
        self._fail(fault, path)

    def _fail(self, fault: Fault, path: str) -> None:
        self.kubeflow.asked.append((self.command, path, fault.kind if isinstance(fault.kind, int) else 0))
        if fault.kind == "time-out":
            time.sleep(self.kubeflow.stalled_seconds)
            self._cut(b"")
        elif fault.kind == "half-closed":
            self._cut(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        elif fault.kind == "login":
            self._send(302, "", {"Location": f"{self.kubeflow.url}/dex/auth"})
        elif fault.kind == "page":
            self._send(200, "<html>Log in</html>", {"Content-Type": "text/html"})
        else:
            more = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            self._send(int(fault.kind), {"code": 13, "message": fault.message}, more)

    def _send(self, status: int, document: Any, more: Mapping[str, str] | None = None) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        kind = "text/plain" if isinstance(document, str) else "application/json"
        self.send_response(status)
        for key, value in ({"Content-Type": kind} | dict(more or {})).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _cut(self, begun: bytes) -> None:
        """End the connection after a part of an answer."""
        if begun:
            self.wfile.write(begun)
            self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
