"""An MLflow server of a test's own, with PostgreSQL and a bucket of MinIO behind it."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from nasflow.testing.servers import MinioServer, free_port

_START_SECONDS = 180.0
_BUCKET = "mlflow"


def postgres_program(name: str) -> str:
    """Return the path of a program of PostgreSQL's server; the test is skipped where there is none.

    Debian keeps them off PATH, and so they are looked for there as well.
    """
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next((found for place in places if (found := shutil.which(name, path=str(place)))), shutil.which(name))
    if found is None:
        pytest.skip("needs PostgreSQL's server: apt-get install postgresql")
    return found


class PostgresServer:
    """PostgreSQL with a database of its own, on a free port that it keeps when it is started again.

    It refuses to run as root, which then starts it as the user `postgres`.

    Attributes:
        uri: The database as SQLAlchemy takes it, with its password.
        password: The same password.
        folder: Where it keeps its data.
    """

    def __init__(self) -> None:
        self._program = postgres_program("postgres")
        self._user = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="nasflow-postgres-"))
        self.password = secrets.token_hex(16)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"postgresql://mlflow:{self.password}@127.0.0.1:{self._port}/postgres"
        given = self.folder / "password"
        given.write_text(self.password)
        if self._user is not None:
            known = pwd.getpwnam(self._user)
            for path in (self.folder, given):
                os.chown(path, known.pw_uid, known.pw_gid)
        command = [postgres_program("initdb"), "-N", "-U", "mlflow", "-A", "scram-sha-256", f"--pwfile={given}"]
        subprocess.run([*command, "-D", str(self._data)], user=self._user, check=True, stdout=subprocess.DEVNULL)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it, and wait until it takes connections.

        Raises:
            RuntimeError: It does not.
        """
        _await(self._started, f"PostgreSQL does not start; see {self.folder}/log")

    def _started(self) -> bool:
        """Whether it takes connections; it is started again where what is left of a killed one was in its way."""
        if self._process is None or self._process.poll() is not None:
            place = ["-D", str(self._data), "-k", str(self._data), "-p", str(self._port), "-h", "127.0.0.1"]
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen([self._program, *place], user=self._user, stdout=log, stderr=log)
        asked = [postgres_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port), "-d", "postgres"]
        return subprocess.run(asked, check=False).returncode == 0

    def kill(self) -> None:
        """Kill it, as a crash would; the processes that serve its connections end by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def remove(self) -> None:
        """Kill it, and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class MlflowServer:
    """MLflow's server in front of PostgreSQL and MinIO, each of which can be killed and started again.

    Args:
        folder: For its log, and what MinIO keeps.

    Attributes:
        minio: Keeps the artifacts.
        postgres: Keeps the rest.
        log: What the server writes.
        uri: Its address.
    """

    def __init__(self, folder: Path) -> None:
        for module, package in (("psycopg2", "psycopg2-binary"), ("boto3", "boto3")):
            if importlib.util.find_spec(module) is None:
                pytest.skip(f"needs {package}, which MLflow's server needs for PostgreSQL and a bucket: pip install it")
        self.minio = MinioServer(folder / "minio")
        self.postgres = PostgresServer()
        self.log = folder / "mlflow.log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start all three, and wait until MLflow answers.

        Raises:
            RuntimeError: One of them does not.
        """
        if not self.minio.answers():
            self.minio.start()
            self.minio.url(_BUCKET)
        self.postgres.start()
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
        backend = self.postgres.uri.replace("postgresql:", "postgresql+psycopg2:", 1)  # SQLAlchemy may take another
        command += ["--backend-store-uri", backend, "--artifacts-destination", f"s3://{_BUCKET}"]
        environment = {"MLFLOW_S3_ENDPOINT_URL": self.minio.endpoint, "MLFLOW_DISABLE_TELEMETRY": "true"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it looks for uvicorn there
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_"))}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--workers", "1"],
                env=own | environment | dict(self.minio.environment) | {"PATH": path},
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        _await(self.answers, f"MLflow does not start; see {self.log}")

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            return urllib3.PoolManager(retries=False, timeout=2.0).request("GET", f"{self.uri}/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def kill(self) -> None:
        """Kill the server and PostgreSQL, as the end of their machine would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        self.postgres.kill()

    def remove(self) -> None:
        """Kill all three, and remove PostgreSQL's data."""
        self.kill()
        self.postgres.remove()
        self.minio.kill()


def _await(ready: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(0.2)
