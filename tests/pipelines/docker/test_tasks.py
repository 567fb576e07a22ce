"""One step in a container: what of it can be told without a daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from nasflow.pipelines.docker.settings import ContainerSettings, Limit
from nasflow.pipelines.docker.tasks import StepContainers, lines_of, step_of

COMMAND = ["sh", "-c", "…", "--executor_input", "{}", "--function_to_execute", "train_candidates"]


class Container:
    """A container that prints and ends as a test says."""

    def __init__(self, chunks: list[bytes], fails: Exception | None = None) -> None:
        self.id, self._chunks, self._fails, self.removed = "c1", chunks, fails, False

    def attach(self, **_: Any) -> Iterator[bytes]:
        return iter(self._chunks)

    def start(self) -> None:
        if self._fails is not None:
            raise self._fails

    def remove(self, **_: Any) -> None:
        self.removed = True


def event(action: str, code: int | None = None) -> dict[str, Any]:
    return {"Action": action, "Actor": {"Attributes": {} if code is None else {"exitCode": str(code)}}}


def ran(folder: Path, container: Container, *events: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Run a step in a container; return its status, and what it was made with."""
    given: dict[str, Any] = {}

    def create(image: str, command: list[str], **arguments: Any) -> Container:
        given.update(arguments, image=image, command=command)
        return container

    client = SimpleNamespace(containers=SimpleNamespace(create=create), events=lambda **_: iter(events))
    limits = {"train_candidates": Limit(2**30, 1.0, 2**26)}
    settings = ContainerSettings("sha256:0", str(folder), (), limits, gpus=False)
    code = StepContainers(settings).run(client, "sha256:0", COMMAND, {}, environment={"A": "b"}, labels={"x": "y"})
    return code, given


def sentence(folder: Path) -> str:
    return str(json.loads((folder / "error.json").read_text())["message"])


def test_a_step_ends_with_the_status_that_the_daemon_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    container = Container([b"one\ntw", b"o\n"])
    code, given = ran(tmp_path, container, event("die", 0))
    assert code == 0
    assert capsys.readouterr().out == "one\ntwo\n"
    assert not (tmp_path / "error.json").exists()
    assert not container.removed
    assert given["environment"] == {"A": "b", "NASFLOW_CORES": "1"}
    assert given["mem_limit"] == 2**30
    assert given["auto_remove"] is True
    assert ran(tmp_path, container, event("die", 2))[0] == 2
    assert not (tmp_path / "error.json").exists()  # the step tells that itself


def test_a_container_that_was_killed_is_no_success(tmp_path: Path) -> None:
    assert ran(tmp_path, Container([]), event("die", 137))[0] == 137
    assert sentence(tmp_path) == (
        "the container of step 'train_candidates' was ended by SIGKILL; run the same command again to go on."
    )


def test_memory_that_was_used_up_is_told(tmp_path: Path) -> None:
    assert ran(tmp_path, Container([]), event("oom"), event("die", 137))[0] == 137
    assert "used up its memory; raise resources.memory_gib" in sentence(tmp_path)


def test_a_worker_that_ran_out_of_memory_is_a_result_and_no_failure(tmp_path: Path) -> None:
    assert ran(tmp_path, Container([]), event("oom"), event("die", 0))[0] == 0
    assert not (tmp_path / "error.json").exists()


def test_the_sentence_of_a_step_stands(tmp_path: Path) -> None:
    (tmp_path / "error.json").write_text('{"message": "its own.", "exit_code": 2}')
    ran(tmp_path, Container([]), event("die", 137))
    assert sentence(tmp_path) == "its own."


def test_a_container_that_cannot_start_is_removed_and_told(tmp_path: Path) -> None:
    container = Container([], APIError("x", explanation="no such device"))
    assert ran(tmp_path, container)[0] == 1
    assert container.removed
    assert sentence(tmp_path) == "the container of step 'train_candidates' cannot be run: no such device."


def test_a_daemon_that_stops_is_no_success(tmp_path: Path) -> None:
    container = Container([])
    assert ran(tmp_path, container)[0] == 1
    assert container.removed
    assert "the Docker daemon has stopped" in sentence(tmp_path)


def test_an_interrupted_step_takes_its_container_with_it(tmp_path: Path) -> None:
    container = Container([])
    container._fails = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        ran(tmp_path, container)
    assert container.removed


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([], []),
        ([b"a\nb"], ["a", "b"]),
        ([b"\xe2\x82", b"\xac\n"], ["€"]),
        ([b"\xff\n"], ["\N{REPLACEMENT CHARACTER}"]),
        ([b"a\n\nb\n"], ["a", "", "b"]),
    ],
)
def test_lines_are_whole_however_they_come(chunks: list[bytes], lines: list[str]) -> None:
    assert list(lines_of(chunks)) == lines


def test_the_step_is_read_from_its_command() -> None:
    assert step_of(COMMAND) == "train_candidates"
