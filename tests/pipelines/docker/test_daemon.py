"""The daemon that is not there, and images that will not do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from nasflow.errors import ContainerError, UserError
from nasflow.pipelines.docker.daemon import Daemon, cause


def daemon(**parts: Any) -> Daemon:
    """A daemon whose answers a test gives."""
    made = Daemon.__new__(Daemon)
    made.client = SimpleNamespace(**parts)
    return made


def test_a_daemon_that_is_not_there_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(ContainerError) as told:
        Daemon()
    assert str(told.value).startswith("the Docker daemon does not answer (")
    assert "DOCKER_HOST" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["nasflow-python:latest", "team/nasflow", "sha256:0"])
def test_a_missing_image_without_a_registry_is_never_fetched_from_where_anybody_may_have_put_it(name: str) -> None:
    def absent(_: str) -> Any:
        raise ImageNotFound("no such image")

    def pulled(_: str) -> None:
        pytest.fail("it was pulled")

    with pytest.raises(UserError, match=f"there is no image '{name}' .*: build it with 'make image'"):
        daemon(images=SimpleNamespace(get=absent, pull=pulled)).image(name)


@pytest.mark.parametrize("name", ["registry.example.com/nasflow", "localhost/nasflow", "localhost:5000/nasflow:1"])
def test_one_of_a_registry_is_pulled(name: str) -> None:
    here: dict[str, Any] = {}

    def get(asked: str) -> Any:
        if asked not in here:
            raise ImageNotFound("no such image")
        return here[asked]

    def pull(asked: str) -> None:
        here[asked] = SimpleNamespace(id="sha256:1", labels={})

    assert daemon(images=SimpleNamespace(get=get, pull=pull)).image(name) == "sha256:1"


def test_an_image_of_another_version_is_refused() -> None:
    found = SimpleNamespace(id="sha256:1", labels={"org.opencontainers.image.version": "99.0"})
    with pytest.raises(UserError, match=r"image 'x' has nasflow 99\.0, and this is nasflow \d"):
        daemon(images=SimpleNamespace(get=lambda _: found)).image("x")


def test_removing_goes_on_until_all_are_gone(tmp_path: Path) -> None:
    left = ["a", "b"]
    asked = []

    def removed(**options: Any) -> None:
        assert options == {"force": True, "v": True}
        left.pop()
        raise APIError("removal is in progress already")

    def listed(**options: Any) -> list[Any]:
        asked.append(options["filters"])
        return [SimpleNamespace(name=name, remove=removed) for name in left[:1]]

    daemon(containers=SimpleNamespace(list=listed)).remove(tmp_path)
    assert left == []
    assert asked[0] == {"label": f"io.nasflow.pipeline={tmp_path}"}


def test_what_docker_says_is_cut_to_a_line() -> None:
    assert cause(APIError("x", explanation="first.\nsecond")) == "first"
    assert cause(OSError()) == "OSError"
