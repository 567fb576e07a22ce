"""`nasflow image`: what it asks to be built, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nasflow.cli.main import app
from nasflow.components.image import IMAGE
from nasflow.errors import ContainerError
from nasflow.pipelines.docker import building


def image(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["image", *arguments], env={"COLUMNS": "80"})


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is to be built; nothing is."""
    calls: list[Any] = []

    def build(packages: list[str], base: str, name: str, *, network: str | None, variables: Any) -> building.Built:
        calls.append((packages, base, name, network))
        return building.Built(name, {"nasflow.families": ["mine", "yours"]} if packages != ["bare"] else {})

    monkeypatch.setattr(building, "build", build)
    return calls


def test_it_says_what_can_be_named_now(built: list[Any]) -> None:
    told = image("--with", "a.whl", "--with", "b")
    assert told.exit_code == 0
    assert built == [(["a.whl", "b"], IMAGE, "nasflow-python-own:latest", None)]
    assert "families: mine, yours" in told.output
    assert "nasflow run SEARCH.yaml --runner docker --image nasflow-python-own:latest" in told.output
    assert "Note" not in told.output


def test_base_name_and_network_can_be_chosen(built: list[Any]) -> None:
    assert image("--with", "a", "--base", "base:1", "--tag", "own:1", "--network", "host").exit_code == 0
    assert built == [(["a"], "base:1", "own:1", "host")]


def test_packages_that_register_nothing_are_noted(built: list[Any]) -> None:
    assert "Note: the packages register no entry point of nasflow" in image("--with", "bare").output


@pytest.mark.parametrize("arguments", [(), ("--with", "a", "--tag", "A B"), ("--with", "a", "--base", "-x")])
def test_mistakes_are_refused(built: list[Any], arguments: tuple[str, ...]) -> None:
    told = image(*arguments)
    assert told.exit_code == 2
    assert built == []


def test_what_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: Any, **__: Any) -> None:
        raise ContainerError("no Docker.")

    monkeypatch.setattr(building, "build", build)
    told = image("--with", "a")
    assert (told.exit_code, told.stderr) == (1, "nasflow: no Docker.\n")
