"""No secret is written anywhere: a search with recognisable credentials, and one that fails, looked through."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml

from nasflow.testing.servers import MinioServer
from nasflow.testing.tracking import MlflowServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "Walrus/Store+Secret=41",
    "MLFLOW_TRACKING_PASSWORD": "Heron@Track:Password/42",
    "KF_PIPELINES_TOKEN": "Otter.Pipelines.Token-43",
    "KF_PIPELINES_COOKIE": "authservice_session=Lynx-Cookie-44",
    "AWS_SESSION_TOKEN": "Puffin/Session+Token=45",
}
LOGIN = "Marmot+Login=46"
"""A password in an address in the environment."""

MARKS = ("Walrus", "Heron", "Otter", "Lynx", "Puffin", "Marmot")
"""What each of them has in it, however it is quoted."""


def spellings(secret: str, user: str = "tracker") -> set[bytes]:
    """Return a secret as it may be found: itself, quoted as in URLs, and encoded as in headers."""
    texts = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
    encoded = {base64.b64encode(text.encode()) for text in (secret, f"{user}:{secret}")}
    return {text.encode() for text in texts} | encoded | {base64.urlsafe_b64encode(secret.encode())}


def found_in(content: bytes) -> list[str]:
    """Return the marks of secrets in a content, also where they are encoded in it."""
    known = [*SECRETS.values(), LOGIN]
    whole = [secret for secret in known if any(spelled in content for spelled in spellings(secret))]
    return whole + [mark for mark in MARKS if mark.encode() in content]


def written(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """The credentials, debug logging, and temporary files where they can be looked through."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_", "KF_"))}
    own = {"NASFLOW_LOG_LEVEL": "debug", "TMPDIR": str(scratch), "NASFLOW_CACHE": str(tmp_path / "cache")}
    user = {"AWS_ACCESS_KEY_ID": "walker", "MLFLOW_TRACKING_USERNAME": "tracker"}
    return plain | SECRETS | own | user | {"KF_PIPELINES_ENDPOINT": "http://127.0.0.1:9"}


class Store(MinioServer):
    """MinIO with recognisable credentials."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment = {
            "AWS_ACCESS_KEY_ID": "walker",
            "AWS_SECRET_ACCESS_KEY": SECRETS["AWS_SECRET_ACCESS_KEY"],
        }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    server = Store(tmp_path / "minio")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path / "tracking")
    server.start()
    yield server
    server.remove()


def command(folder: Path, environment: Mapping[str, str], *arguments: str) -> tuple[int, bytes]:
    """Run the command; keep what it says among what is looked through."""
    done = subprocess.run(
        [sys.executable, "-m", "nasflow.cli.main", *arguments],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=500,
        check=False,
    )
    said = done.stdout + done.stderr
    (folder / f"said-{len(list(folder.glob('said-*')))}").write_bytes(said)
    return done.returncode, said


def described(site: Any, store: Store, tracking: str, **changes: Any) -> Path:
    """Write a search whose store, data and MLflow all need credentials."""
    url = store.url("bucket", "searches", patience="5")
    mapping = site.mapping(storage={"url": url}, tracking={"uri": tracking}, **changes)
    path: Path = site.root / f"{changes.get('name', 'small')}.yaml"
    path.write_text(yaml.safe_dump(mapping))
    return path


def dumped(server: MlflowServer) -> bytes:
    """Return everything that PostgreSQL keeps, as text."""
    import psycopg2

    rows = []
    with psycopg2.connect(server.postgres.uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += [repr(row) for row in cursor.fetchall()]
    return "\n".join(rows).encode()


def test_no_secret_is_written(
    site: Any, store: Store, tracking: MlflowServer, environment: Mapping[str, str], tmp_path: Path
) -> None:
    bucket = store.folder / "data"
    bucket.mkdir()
    without_token = {name: value for name, value in environment.items() if name != "AWS_SESSION_TOKEN"}
    path = described(site, store, tracking.uri)
    code, said = command(site.root, without_token, "run", path.name)
    assert code == 0, said.decode()
    # A password in the address instead; the same address twice, quoted and not.
    host = tracking.uri.removeprefix("http://")
    other = without_token | {"MLFLOW_TRACKING_URI": f"http://me:{quote(LOGIN)}@{host}"}
    named = described(site, store, tracking.uri, name="other", budget={"trials": 2})
    named.write_text(named.read_text().replace(f"uri: {tracking.uri}", "experiment: other"))
    code, said = command(site.root, other, "run", named.name)
    assert code == 0, said.decode()
    for arguments in (
        ("compile", path.name, "--image", "r/n@sha256:" + "a" * 64, "--device-kind", "cpu-AVX2", "-o", "p.yaml"),
        ("status", path.name),
        ("show", path.name),
        ("sync", path.name),
        ("doctor", path.name),
        ("submit", path.name, "--image", "r/n@sha256:" + "a" * 64, "--device-kind", "cpu-AVX2"),
        ("gc", "--store", "s3://bucket/searches"),
    ):
        command(site.root, without_token, *arguments)
    # Failures: a wrong key, a token that is none, data that are away, an MLflow that is gone, and a YAML with a login.
    command(site.root, environment, "status", path.name)
    command(
        site.root, environment | {"AWS_ENDPOINT_URL_S3": f"http://me:{quote(LOGIN)}@127.0.0.1:9"}, "check", path.name
    )
    gone = described(site, store, tracking.uri, name="gone", data=f"s3://nowhere/x?endpoint={store.endpoint}")
    command(site.root, without_token, "run", gone.name)
    bad = described(site, store, f"http://me:{quote(LOGIN)}@127.0.0.1:9", name="bad")
    command(site.root, without_token, "run", bad.name)
    bad.unlink()  # it holds the secret, since it is the user who wrote it there
    kept = dumped(tracking)
    store.kill()
    tracking.kill()
    command(site.root, without_token, "run", path.name)
    command(site.root, other, "doctor", named.name)
    assert found_in(kept) == []
    contents = dict(written(tmp_path))
    assert sum(path.name.startswith("said-") for path in contents) >= 13
    assert any(path.name == "p.yaml" for path in contents)
    leaks = {
        str(path.relative_to(tmp_path)): found for path, content in contents.items() if (found := found_in(content))
    }
    own = {name for name in leaks if "/.minio.sys/" in name}  # the server's own, sealed
    assert {name: leaks[name] for name in leaks.keys() - own} == {}


def test_the_search_for_secrets_bites() -> None:
    for secret in SECRETS.values():
        for spelled in spellings(secret):
            assert found_in(b"..." + spelled + b"...")
    assert found_in(b"nothing") == []
