"""The servers of a workstation: who can reach them, and where their passwords are."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRET = ("MINIO_ROOT_PASSWORD", "MLFLOW_SECRET_KEY", "POSTGRES_PASSWORD", "AWS_SECRET_ACCESS_KEY")


def variables(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def program() -> list[str]:
    """Return the command of compose, of either generation; the test is skipped where there is none."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    pytest.skip("needs docker compose, or docker-compose")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folder of a project in which `make compose` has run, with nothing in the place of compose itself."""
    (tmp_path / "compose").mkdir()
    for file in ("Makefile", "compose/compose.yaml", "compose/env.example"):
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    subprocess.run(["make", "compose", "COMPOSE=true"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_make_compose_makes_passwords_for_its_user_alone(made: Path, tmp_path: Path) -> None:
    file = made / "compose" / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = variables(file)
    passwords = [found[name] for name in SECRET]
    assert all(re.fullmatch(r"[0-9a-f]{24}", password) for password in passwords)
    assert len(set(passwords)) == len(passwords)
    before = file.read_text()
    os.utime(made / "compose" / "env.example")
    subprocess.run(["make", "compose", "COMPOSE=true"], cwd=made, check=True, capture_output=True)
    assert file.read_text() == before


def test_the_example_holds_no_password_and_cannot_be_used_by_mistake() -> None:
    example = variables(FOLDER / "env.example")
    assert {name: example[name] for name in SECRET} == dict.fromkeys(SECRET, "")
    assert set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text())) <= set(example)
    for name in SECRET:
        assert re.search(rf"\$\{{{name}:\?", (FOLDER / "compose.yaml").read_text()), name


def test_the_passwords_are_never_committed() -> None:
    ended = subprocess.run(["git", "check-ignore", "compose/.env", "compose/.env.new"], cwd=ROOT, capture_output=True)
    if ended.returncode == 128:
        pytest.skip("needs git and its folder")
    assert ended.returncode == 0
    assert subprocess.run(["git", "check-ignore", "compose/env.example"], cwd=ROOT, capture_output=True).returncode == 1


@pytest.mark.parametrize("name", SERVICES)
def test_servers_have_no_more_than_they_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not re.search(r":latest$|^[^:]+$", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if name != "minio-setup":
        assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])


def test_what_they_keep_is_in_volumes() -> None:
    for name in ("minio", "postgres"):
        assert any(volume.startswith(f"{name}:/") for volume in SERVICES[name]["volumes"])
    assert set(COMPOSE["volumes"]) == {"minio", "postgres"}


def test_the_images_are_those_of_the_manifests() -> None:
    manifests = "".join(path.read_text() for path in (ROOT / "manifests").rglob("*.yaml"))
    for service in SERVICES.values():
        assert f"image: {service['image']}" in manifests


def test_each_waits_for_what_it_needs() -> None:
    assert SERVICES["minio-setup"]["depends_on"] == {"minio": {"condition": "service_healthy"}}
    assert SERVICES["mlflow"]["depends_on"] == {
        "minio-setup": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
    }


def test_compose_itself_takes_the_file(made: Path) -> None:
    command = [*program(), "--file", "compose/compose.yaml", "--env-file", "compose/.env", "config"]
    ended = subprocess.run(command, cwd=made, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    found = yaml.safe_load(ended.stdout)["services"]
    assert set(found) == set(SERVICES)
    assert found["minio"]["environment"]["MINIO_ROOT_PASSWORD"] == variables(made / "compose" / ".env")[SECRET[0]]


def test_compose_refuses_the_example(made: Path) -> None:
    command = [*program(), "--file", "compose/compose.yaml", "--env-file", "compose/env.example", "config"]
    ended = subprocess.run(command, cwd=made, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "make compose" in ended.stderr
