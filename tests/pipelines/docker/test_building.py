"""Building by the command `docker`: what it is told, and what a user is told; a script stands in its place here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nasflow.errors import ContainerError, UserError
from nasflow.pipelines.docker.building import Built, arguments, build

SCRIPT = """#!/bin/sh
echo "$@" >> "$RECORD"
case "$1" in
    version) [ -z "$NO_DAEMON" ] || { echo "Cannot connect to the Docker daemon." >&2; exit 1; } ;;
    image) [ "$3" != absent ] ;;
    run) case "$*" in *" base "*) echo "$BEFORE" ;; *) echo "$AFTER" ;; esac ;;
    build)
        for last; do :; done
        if [ "$last" = - ]; then cat >> "$RECORD"; else cp -r "$last/." "$CONTEXT"; fi
        [ -z "$FAILURE" ] || { printf '%s\\n' "$FAILURE"; exit 1; } ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command in Docker's place; return the folder of what it was given."""
    place = tmp_path / "docker"
    (place / "bin").mkdir(parents=True)
    (place / "context").mkdir()
    (place / "bin" / "docker").write_text(SCRIPT)
    (place / "bin" / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(place / "record"))
    monkeypatch.setenv("CONTEXT", str(place / "context"))
    told(monkeypatch, "BEFORE", {"nasflow.families": ["cnn"]})
    told(monkeypatch, "AFTER", {"nasflow.families": ["cnn", "mine"]})
    return place


def told(patch: pytest.MonkeyPatch, name: str, plugins: dict[str, list[str]]) -> None:
    patch.setenv(name, f"io.nasflow.plugins={json.dumps(plugins)}\norg.opencontainers.image.version=0.1.0")


def test_an_image_is_built_and_labelled_with_what_it_has(docker: Path, wheel: Callable[..., Path]) -> None:
    source = wheel("mine")
    assert build([str(source), "other"], "base", "own", variables=os.environ) == Built(
        "own", {"nasflow.families": ["mine"]}
    )
    context = docker / "context"
    assert (context / "requirements.txt").read_text() == f"./0/{source.name}\nother\n"
    assert (context / "0" / source.name).read_bytes() == source.read_bytes()
    assert "def install(" in (context / "installing.py").read_text()
    record = (docker / "record").read_text()
    assert 'build --label io.nasflow.plugins={"nasflow.families": ["cnn", "mine"]}' in record
    assert "--label org.opencontainers.image.version=0.1.0 --tag own -\nFROM own\n" in record


def test_the_last_stage_has_nothing_of_how_it_was_installed(docker: Path) -> None:
    build(["other"], "base", "own", variables=os.environ)
    last = (docker / "context" / "Dockerfile").read_text().split("FROM ")[-1]
    assert last == "${BASE}\nCOPY --from=install /added/ /\n"


def test_packages_without_an_entry_point_add_none(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, "AFTER", {"nasflow.families": ["cnn"]})
    assert build(["other"], "base", "own", variables=os.environ).added == {}


def test_values_of_settings_are_in_no_list_of_processes(docker: Path, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("an authority")
    variables = {
        "PIP_INDEX_URL": "https://user:recognisable@index",
        "PIP_CERT": str(authority),
        "HTTPS_PROXY": "http://recognisable",
        "PIP_TRUSTED_HOST": "",
    }
    found = arguments("base", "own", "host", variables)
    assert "recognisable" not in " ".join(found)
    assert [found[place + 1] for place, name in enumerate(found) if name == "--build-arg"] == [
        "BASE=base",
        "PIP_INDEX_URL",
        "HTTPS_PROXY",
    ]
    assert found[-2:] == ["--network", "host"]
    build(["other"], "base", "own", variables=os.environ | variables)
    assert (docker / "context" / "build-ca.crt").read_text() == "an authority"
    assert "recognisable" not in (docker / "record").read_text()


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        ("#9 4.1 nasflow-image: No matching distribution found for x.", UserError, "cannot be installed: No matching"),
        ("failed to solve: base: not found", ContainerError, "cannot be built: failed to solve: base: not found."),
    ],
)
def test_a_build_that_fails_is_told_in_one_sentence(
    docker: Path, monkeypatch: pytest.MonkeyPatch, failure: str, kind: type[Exception], words: str
) -> None:
    monkeypatch.setenv("FAILURE", failure)
    with pytest.raises(kind, match=words) as error:
        build(["other"], "base", "own", variables=os.environ)
    assert "\n" not in str(error.value)


def test_a_base_that_is_not_here_is_told(docker: Path) -> None:
    with pytest.raises(UserError, match="there is no image 'absent' here: build it with 'make image'"):
        build(["other"], "absent", "own", variables=os.environ)


def test_a_daemon_that_does_not_answer_is_told(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_DAEMON", "1")
    with pytest.raises(ContainerError, match=r"does not answer \(Cannot connect to the Docker daemon\): start it"):
        build(["other"], "base", "own", variables=os.environ)


def test_without_docker_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ContainerError, match="'docker', which is not on PATH: install Docker"):
        build(["other"], "base", "own", variables=os.environ)


def test_a_mistake_in_what_is_named_needs_no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="there is no file or folder"):
        build(["./nowhere"], "base", "own", variables=os.environ)
