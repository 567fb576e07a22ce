"""Credentials as `docker login` and its helpers keep them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import ClusterError
from nasflow.pipelines.cluster.credentials import AUTH_FILE, Login, login_for
from nasflow.testing.registries import docker_config

HOST = "registry.example.org:5000"
SECRET = "hunter2-that-nobody-may-see"
HELPER = """#!/bin/sh
read host
echo "$1 $host" >> {log}
case "$host" in
  registry.example.org:5000) echo '{{"ServerURL": "x", "Username": "{user}", "Secret": "{secret}"}}';;
  broken.example.org) echo "no such vault"; exit 1;;
  *) echo "credentials not found in native keychain"; exit 1;;
esac
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv(AUTH_FILE, raising=False)
    return tmp_path / "config.json"


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install a credential helper; return a function that says who it knows."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def install(user: str = "somebody") -> Path:
        log = tmp_path / "asked.txt"
        program = tmp_path / "docker-credential-vault"
        program.write_text(HELPER.format(log=log, user=user, secret=SECRET))
        program.chmod(0o755)
        return log

    return install


def test_a_stranger_has_none(config: Path) -> None:
    assert login_for(HOST) is None
    config.write_text("{}")
    assert login_for(HOST) is None
    config.write_text(json.dumps({"auths": {HOST: {}}, "HttpHeaders": {"a": "b"}}))
    assert login_for(HOST) is None


def test_user_and_password_stand_in_the_file(config: Path) -> None:
    docker_config(config.parent, HOST, "somebody", SECRET)
    assert login_for(HOST) == Login("somebody", SECRET)
    assert login_for("other.example.org") is None
    assert SECRET not in repr(login_for(HOST))


def test_dockers_own_registry_goes_by_its_old_address(config: Path) -> None:
    docker_config(config.parent, "https://index.docker.io/v1/", "somebody", SECRET)
    assert login_for("docker.io") == Login("somebody", SECRET)


def test_podman_keeps_them_elsewhere(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_config(config.parent / "podman", HOST, "somebody", SECRET)
    monkeypatch.setenv(AUTH_FILE, str(config.parent / "podman" / "config.json"))
    assert login_for(HOST) == Login("somebody", SECRET)


@pytest.mark.parametrize("where", [{"credHelpers": {HOST: "vault"}}, {"credsStore": "vault"}])
def test_a_helper_is_asked(config: Path, helper: Any, where: dict[str, Any]) -> None:
    log = helper()
    config.write_text(json.dumps(where))
    assert login_for(HOST) == Login("somebody", SECRET)
    assert log.read_text() == f"get {HOST}\n"
    assert login_for("unknown.example.org") is None


def test_an_identity_token_is_no_password(config: Path, helper: Any) -> None:
    helper("<token>")
    config.write_text(json.dumps({"credsStore": "vault"}))
    assert login_for(HOST) == Login("", SECRET)
    config.write_text(json.dumps({"auths": {HOST: {"identitytoken": SECRET}}}))
    assert login_for(HOST) == Login("", SECRET)


def test_a_helper_that_fails_or_is_missing_is_told_in_a_sentence(config: Path, helper: Any) -> None:
    helper()
    config.write_text(json.dumps({"credsStore": "vault", "credHelpers": {HOST: "missing"}}))
    for host in ("broken.example.org", HOST):
        with pytest.raises(ClusterError) as told:
            login_for(host)
        assert str(told.value) == (
            f"the credentials that Docker keeps for '{host}' cannot be read: its credential helper fails or is not "
            f"installed; run 'docker login {host}' again."
        )


@pytest.mark.parametrize("entry", [{"auth": "///"}, {"auth": "bm8gY29sb24="}, {"auth": 7}, "text"])
def test_a_damaged_file_is_told_in_a_sentence(config: Path, entry: Any) -> None:
    config.write_text(json.dumps({"auths": {HOST: entry}}))
    with pytest.raises(ClusterError, match=r"cannot be read: they are damaged; run 'docker login registry"):
        login_for(HOST)
