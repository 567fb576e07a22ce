"""A MinIO server of a test's own."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import urllib3

REQUIRED = "NASFLOW_REQUIRE_MINIO"
"""Environment variable that makes the server's absence a failure instead of a reason to skip."""

_START_SECONDS = 60.0


def minio_program() -> str:
    """Return the path of MinIO's server; the test is skipped, or fails, where none is on PATH.

    What `go install` makes is found in `~/go/bin`, too.
    """
    found = shutil.which("minio") or shutil.which("minio", path=str(Path.home() / "go" / "bin"))
    if found is None:
        reason = "needs MinIO's server: go install github.com/minio/minio@latest"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class MinioServer:
    """MinIO with credentials and a folder of its own, on a free port that it keeps when it is started again.

    Args:
        folder: Where it keeps its objects; the folders in it are its buckets.
        certificates: Folder with `public.crt` and `private.key`, where it is to speak HTTPS.

    Attributes:
        folder: Where it keeps its objects.
        endpoint: Its address.
        environment: The variables by which its clients get their credentials.
    """

    def __init__(self, folder: Path, certificates: Path | None = None) -> None:
        self.folder = folder
        self._program = minio_program()
        self._certificates = certificates
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"{'https' if certificates else 'http'}://127.0.0.1:{self._port}"
        self.environment: Mapping[str, str] = {
            "AWS_ACCESS_KEY_ID": f"user-{secrets.token_hex(4)}",
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        }

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: It does not.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [self._program, "server", "--quiet", "--address", f"127.0.0.1:{self._port}", str(self.folder)]
        if self._certificates is not None:
            command[2:2] = ["--certs-dir", str(self._certificates)]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ
                | {
                    "MINIO_ROOT_USER": self.environment["AWS_ACCESS_KEY_ID"],
                    "MINIO_ROOT_PASSWORD": self.environment["AWS_SECRET_ACCESS_KEY"],
                    "MINIO_BROWSER": "off",
                    "MINIO_UPDATE": "off",
                },
            )
        end = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"MinIO does not start; see {self.folder}.log")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it is ready for requests."""
        pool = urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False, timeout=2.0)
        try:
            return pool.request("GET", f"{self.endpoint}/minio/health/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def kill(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def url(self, bucket: str, prefix: str = "", **options: str) -> str:
        """Return the URL of a place in a bucket, which is made where it is not there.

        Args:
            bucket: Name of the bucket.
            prefix: What names in it start with.
            options: More of the URL's options.
        """
        (self.folder / bucket).mkdir(parents=True, exist_ok=True)
        query = "&".join(f"{name}={value}" for name, value in {"endpoint": self.endpoint, **options}.items())
        return f"s3://{bucket}/{prefix}?{query}" if prefix else f"s3://{bucket}?{query}"
