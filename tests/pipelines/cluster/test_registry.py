"""Asking registries: Debian's own, with every kind of lock, and what stands in a registry's place."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from nasflow.errors import ClusterError, NasflowError, UserError
from nasflow.pipelines.cluster import registry as module
from nasflow.pipelines.cluster.reference import Reference
from nasflow.pipelines.cluster.registry import Registry
from nasflow.testing.registries import PASSWORD, USER, RegistryServer, docker_config

LABELS = {"io.nasflow.plugins": "{}", "org.opencontainers.image.version": "0.1.0"}


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as running:
        running.push("team/nasflow", "1.0", LABELS)
        running.push("team/nasflow", "1.1", LABELS)
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(folder / "private.key"), "-out", str(folder / "public.crt")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return folder


def image(server: RegistryServer, rest: str = "team/nasflow:1.0") -> Reference:
    return Reference.parse(f"{server.host}/{rest}")


def looked_at(name: Reference, **options: Any) -> tuple[str, dict[str, str]]:
    registry = Registry(name.host, **options)
    digest = name.digest or registry.digest(name)
    return digest, dict(registry.labels(name, digest))


def refusal(name: Reference, kind: type[NasflowError] = ClusterError, **options: Any) -> str:
    with pytest.raises(kind) as told:
        looked_at(name, **options)
    text = str(told.value)
    assert PASSWORD not in text
    assert text.count("\n") == 0
    assert text.endswith((".", "?"))
    return text


def test_a_tag_is_a_digest_and_the_image_has_labels(server: RegistryServer) -> None:
    digest = server.push("own/nasflow", "2", LABELS)
    assert looked_at(image(server, "own/nasflow:2")) == (digest, LABELS)
    assert looked_at(image(server, f"own/nasflow@{digest}")) == (digest, LABELS)
    moved = server.push("own/nasflow", "2", {"a": "b"})
    assert moved != digest
    assert looked_at(image(server, "own/nasflow:2")) == (moved, {"a": "b"})
    assert looked_at(image(server, f"own/nasflow@{digest}")) == (digest, LABELS)


def test_an_image_for_several_platforms_has_the_labels_of_the_one_for_linux(server: RegistryServer) -> None:
    digest = server.push("own/many", "1", LABELS, index=True)
    assert looked_at(image(server, "own/many:1")) == (digest, LABELS)


def test_an_image_without_labels_has_none(server: RegistryServer) -> None:
    server.push("own/bare", "1")
    assert looked_at(image(server, "own/bare:1"))[1] == {}


def test_a_missing_tag_is_answered_with_the_nearest(server: RegistryServer) -> None:
    text = refusal(image(server, "team/nasflow:1.2"), UserError)
    assert text.startswith(f"'{server.host}/team/nasflow' has no '1.2'; its tags are 1.0, 1.1. Did you mean '1.")
    for number in range(12):
        server.push("own/tags", f"t{number}")
    assert " and 4 more." in refusal(image(server, "own/tags:none"), UserError)


def test_a_missing_image_or_digest_is_told(server: RegistryServer) -> None:
    text = refusal(image(server, "team/nasfow:1.0"), UserError)
    assert text == f"the registry '{server.host}' has no image 'team/nasfow': check its name, and that it was pushed."
    gone = f"sha256:{'0' * 64}"
    assert f"has no '{gone}'; its tags are 1.0, 1.1." in refusal(image(server, f"team/nasflow@{gone}"), UserError)


def test_user_and_password_open_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RegistryServer(tmp_path / "registry", locked=True) as server:
        digest = server.push("team/nasflow", "1.0", LABELS)
        assert "asks who you are before it shows 'team/nasflow' (401)" in refusal(image(server))
        assert f"run 'docker login {server.host}'" in refusal(image(server))
        docker_config(tmp_path / "docker", server.host, password="wrong")
        assert "does not let you see 'team/nasflow' (401)" in refusal(image(server))
        docker_config(tmp_path / "docker", server.host)
        assert looked_at(image(server)) == (digest, LABELS)
        assert "its tags are 1.0." in refusal(image(server, "team/nasflow:0"), UserError)
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password wrong\n")
        assert looked_at(image(server)) == (digest, LABELS)


def test_an_authority_of_ones_own(tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_is_local", lambda host: False)
    with RegistryServer(tmp_path / "registry", certificates=certificates) as server:
        digest = server.push("team/nasflow", "1.0", LABELS)
        assert looked_at(image(server), ca_file=certificates / "public.crt") == (digest, LABELS)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "public.crt"))
        assert looked_at(image(server)) == (digest, LABELS)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        assert "is not trusted here: name its authority's file with --registry-ca" in refusal(image(server))
    with RegistryServer(tmp_path / "plain") as server:
        digest = server.push("team/nasflow", "1.0", LABELS)
        assert "--plain-http where it speaks HTTP alone" in refusal(image(server))
        assert looked_at(image(server), plain=True) == (digest, LABELS)
    assert "there is no file" in refusal(image(server), UserError, ca_file=tmp_path / "none.crt")


class TokenService:
    """Gives tokens as Docker's registry wants them, to those who say who they are."""

    def __init__(self, certificates: Path) -> None:
        self.certificates, self.asked = certificates, list[dict[str, Any]]()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        form = parse_qs(handler.rfile.read(length).decode()) or parse_qs(urlsplit(handler.path).query)
        given = {name: values[0] for name, values in form.items()}
        self.asked.append(given | {"authorization": handler.headers.get("Authorization")})
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = handler.headers.get("Authorization") == basic or given.get("refresh_token") == PASSWORD
        if not known:
            answer(handler, 401, b"{}")
            return
        kind, name, actions = given["scope"].split(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        answer(handler, 200, json.dumps({"access_token": self.token(access)}).encode())

    def token(self, access: Any) -> str:
        crt = (self.certificates / "public.crt").read_text()
        der = "".join(crt.split("-----")[2].split())
        now = int(time.time())
        claims = {"iss": "test", "sub": USER, "aud": "registry", "exp": now + 300, "nbf": now - 60, "iat": now}
        parts = [{"typ": "JWT", "alg": "RS256", "x5c": [der]}, claims | {"jti": "1", "access": access}]
        signed = b".".join(_url64(json.dumps(part).encode()) for part in parts)
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.certificates / "private.key")]
        signature = subprocess.run(command, input=signed, capture_output=True, check=True).stdout
        return (signed + b"." + _url64(signature)).decode()


def _url64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def answer(handler: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


@contextmanager
def standing_in(respond: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Let something answer on a port of this machine; yield its host."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self)

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_token_service_is_asked_for_the_right_to_pull(tmp_path: Path, certificates: Path) -> None:
    service = TokenService(certificates)
    with standing_in(service) as realm:
        token = {
            "realm": f"http://{realm}/token",
            "service": "registry",
            "issuer": "test",
            "rootcertbundle": str(certificates / "public.crt"),
        }
        with RegistryServer(tmp_path / "registry", token=token) as server:
            everything = [{"type": "repository", "name": "team/nasflow", "actions": ["pull", "push"]}]
            server.authorization = {"Authorization": f"Bearer {service.token(everything)}"}
            digest = server.push("team/nasflow", "1.0", LABELS)
            assert "asks who you are before it shows 'team/nasflow' (401)" in refusal(image(server))
            docker_config(tmp_path / "docker", server.host, password="wrong")
            assert "does not let you see 'team/nasflow' (401)" in refusal(image(server))
            docker_config(tmp_path / "docker", server.host)
            assert looked_at(image(server)) == (digest, LABELS)
            assert service.asked[-1]["scope"] == "repository:team/nasflow:pull"
            assert service.asked[-1]["service"] == "registry"
            identity = json.dumps({"auths": {server.host: {"identitytoken": PASSWORD}}})
            (tmp_path / "docker" / "config.json").write_text(identity)
            assert looked_at(image(server)) == (digest, LABELS)
            assert service.asked[-1]["grant_type"] == "refresh_token"


def test_nothing_that_answers_is_told_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        text = refusal(Reference.parse(f"{host}/nasflow:1"))
    assert text.startswith(f"nothing answers at the registry '{host}': check the image's name for a slip")
    assert text.endswith("--no-check-image.")
    assert "nothing answers at the registry 'no-such-host.invalid'" in refusal(
        Reference.parse("no-such-host.invalid/nasflow:1")
    )


def test_silence_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LIMITS", (0.2, 0.2))
    with standing_in(lambda _: time.sleep(1.0)) as host:
        assert f"the registry '{host}' does not answer" in refusal(Reference.parse(f"{host}/nasflow:1"))


MANIFEST = json.dumps({"config": {"digest": f"sha256:{'1' * 64}"}}).encode()


@pytest.mark.parametrize(
    ("status", "content", "headers", "said"),
    [
        (200, b"<html>Log in</html>", {}, "gives no image 'nasflow' as a registry does"),
        (200, b"\xff\xfe\x00", {}, "gives no image"),
        (200, b"[]", {}, "gives no image"),
        (200, b"{}", {"Docker-Content-Digest": f"sha256:{'0' * 64}"}, "gives no image"),
        (200, MANIFEST, {}, "gives no image"),
        (302, b"", {"Location": "/v2/again"}, "gives no image"),
        (401, b"", {}, "asks who you are"),
        (401, b"", {"WWW-Authenticate": "Bearer realm=nonsense"}, "gives no image"),
        (401, b"", {"WWW-Authenticate": "Bearer"}, "gives no image"),
        (403, b"", {}, "asks who you are before it shows 'nasflow' (403)"),
        (429, b"", {"Retry-After": "3600"}, "takes no more requests for now (429)"),
        (500, b"", {}, "fails (500)"),
        (418, b"", {}, "fails (418)"),
    ],
)
def test_what_is_no_registry_is_told_in_a_sentence(
    status: int, content: bytes, headers: dict[str, str], said: str
) -> None:
    with standing_in(lambda handler: answer(handler, status, content, headers)) as host:
        assert said in refusal(Reference.parse(f"{host}/nasflow:1"))


def test_a_fault_that_passes_is_waited_out(server: RegistryServer) -> None:
    asked: list[str] = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        if len(asked) < 3:
            answer(handler, 503, b"")
        else:
            answer(handler, 307, b"", {"Location": f"http://{server.host}{handler.path}"})

    with standing_in(respond) as host:
        name = Reference.parse(f"{host}/team/nasflow:1.0")
        assert Registry(host).digest(name) == Registry(server.host).digest(image(server))


def test_a_registry_that_does_not_say_the_digest_is_read() -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        answer(handler, 405 if handler.command == "HEAD" else 200, MANIFEST)

    with standing_in(respond) as host:
        name = Reference.parse(f"{host}/nasflow:1")
        assert Registry(host).digest(name) == module._sha256(MANIFEST)


def test_a_password_is_not_sent_in_the_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with TLS that would have it sent to an address without is not followed."""
    docker_config(tmp_path / "docker", "registry.example.org")
    registry = Registry("registry.example.org")
    name = Reference.parse("registry.example.org/nasflow")
    with pytest.raises(ClusterError, match="gives no image"):
        registry._introduce('Bearer realm="http://token.example.org/",service="x"', name)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("[::1]:5000", True),
        ("registry.localhost", True),
        ("192.168.0.1", False),
        ("registry.example.org:5000", False),
        ("docker.io", False),
    ],
)
def test_a_registry_on_this_machine_needs_no_tls(host: str, local: bool) -> None:
    assert module._is_local(host) is local
    assert Registry(host)._base.startswith("http:" if local else "https:")
