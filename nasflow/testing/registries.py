"""A registry of images of a test's own: Debian's `docker-registry`, and images of a few bytes to push to it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest
import urllib3
import yaml

from nasflow.testing.servers import free_port

USER, PASSWORD = "somebody", "U*U"
"""Who a registry with a lock lets in."""

_HASHED = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"  # bcrypt of the password
_START_SECONDS = 60.0
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


def registry_program() -> str:
    """Return the path of Debian's registry; the test is skipped where it is not there."""
    found = shutil.which("docker-registry")
    if found is None:
        pytest.skip("needs Debian's registry: apt-get install docker-registry")
    return found


class RegistryServer:
    """A registry on a free port of this machine, with a folder of its own; a context manager.

    Args:
        folder: Where it keeps its images.
        locked: Whether it asks for user and password.
        certificates: Folder with `public.crt` and `private.key`, where it is to speak HTTPS.
        token: What the registry is told of a service that gives tokens: realm, service, issuer, rootcertbundle.

    Attributes:
        host: Its name, with the port.
    """

    def __init__(
        self,
        folder: Path,
        *,
        locked: bool = False,
        certificates: Path | None = None,
        token: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self._program, self._port = folder, registry_program(), free_port()
        self.host = f"127.0.0.1:{self._port}"
        self._scheme, self._locked = "https" if certificates else "http", locked
        http: dict[str, Any] = {"addr": self.host, "secret": "of a test"}
        if certificates is not None:
            http["tls"] = {"certificate": str(certificates / "public.crt"), "key": str(certificates / "private.key")}
        self._config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
            "http": http,
        }
        if locked:
            self._config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
        if token is not None:
            self._config["auth"] = {"token": dict(token)}
        self._pool = urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False, timeout=10.0)
        self._process: subprocess.Popen[bytes] | None = None
        self.authorization = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}") if locked else {}

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "htpasswd").write_text(f"{USER}:{_HASHED}\n")
        config = self.folder / "config.yml"
        config.write_text(yaml.safe_dump(self._config))
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "serve", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the registry does not start; see {self.folder / 'log.txt'}")
            time.sleep(0.05)
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def push(self, repository: str, tag: str, labels: Mapping[str, str] | None = None, *, index: bool = False) -> str:
        """Push an image of one empty layer; return its digest.

        Args:
            repository: Its name.
            tag: Its tag.
            labels: Its labels; None for an image without any.
            index: Whether it is pushed as one for two platforms, the one for Linux last.
        """
        digest, size = self._push_image(repository, tag, dict(labels) if labels is not None else None)
        if not index:
            return digest
        other, other_size = self._push_image(repository, f"{tag}-other", {"of": "another platform"})
        platforms = [("windows", other, other_size), ("linux", digest, size)]
        members = [
            {"mediaType": _MANIFEST, "digest": each, "size": length, "platform": {"os": name, "architecture": "amd64"}}
            for name, each, length in platforms
        ]
        return self._put_manifest(repository, tag, _INDEX, {"manifests": members})[0]

    def _push_image(self, repository: str, tag: str, labels: Mapping[str, str] | None) -> tuple[str, int]:
        inner: dict[str, Any] = {} if labels is None else {"Labels": dict(labels)}
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": inner, "rootfs": {"type": "layers"}})
        described = {"mediaType": _CONFIG, **self._put_blob(repository, config.encode())}
        layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", **self._put_blob(repository, bytes(1024))}
        return self._put_manifest(repository, tag, _MANIFEST, {"config": described, "layers": [layer]})

    def _put_blob(self, repository: str, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        begun = self._ask("POST", f"{repository}/blobs/uploads/")
        place = begun.headers["Location"]
        joined = f"{place}{'&' if '?' in place else '?'}digest={digest}"
        self._ask("PUT", joined, content, "application/octet-stream")
        return {"digest": digest, "size": len(content)}

    def _put_manifest(self, repository: str, tag: str, kind: str, parts: dict[str, Any]) -> tuple[str, int]:
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **parts}).encode()
        answer = self._ask("PUT", f"{repository}/manifests/{tag}", content, kind)
        return answer.headers["Docker-Content-Digest"], len(content)

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> urllib3.BaseHTTPResponse:
        url = path if "://" in path else f"{self._scheme}://{self.host}{'' if path.startswith('/') else '/v2/'}{path}"
        headers = {**self.authorization, **({"Content-Type": kind} if kind else {})}
        answer = self._pool.request(method, url, body=body, headers=headers)
        if answer.status >= 300:
            raise RuntimeError(f"the registry answers {answer.status} to {method} {url}: {answer.data!r}")
        return answer

    def _answers(self) -> bool:
        try:
            return self._pool.request("GET", f"{self._scheme}://{self.host}/v2/").status in (200, 401)
        except urllib3.exceptions.HTTPError:
            return False


def docker_config(folder: Path, host: str, user: str = USER, password: str = PASSWORD) -> Path:
    """Write what `docker login` leaves behind into a folder, to be named in `DOCKER_CONFIG`; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))
    return folder
