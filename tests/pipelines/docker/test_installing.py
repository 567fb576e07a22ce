"""Installing within an image: here in a virtual environment in its place, by a real pip without an index."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

import pytest

from nasflow.pipelines.docker import installing
from nasflow.pipelines.docker.packages import gathered


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has nothing but pip."""
    folder = tmp_path_factory.mktemp("image") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    return folder / "bin" / "python"


@pytest.fixture
def installed(python: Path, tmp_path: Path) -> Callable[..., tuple[int, str, Path]]:
    """Install packages below a folder of the test's own; return status, output and the folder of the packages."""

    def run(*packages: str) -> tuple[int, str, Path]:
        source, target = tmp_path / "packages", tmp_path / "added"
        source.mkdir()
        (source / installing.REQUIREMENTS).write_text("\n".join(gathered(packages, source)) + "\n")
        command = [python, "-P", installing.__file__, source, target]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        ended = subprocess.run(
            command, capture_output=True, text=True, cwd=source, env=environment | {"PIP_NO_INDEX": "1"}
        )
        prefix = python.parents[1]
        found = next(iter(Path(f"{target}{prefix}").glob("lib/python*/site-packages")), target)
        return ended.returncode, ended.stdout + ended.stderr, found

    return run


def test_a_wheel_is_put_where_the_image_has_its_packages(
    installed: Callable[..., tuple[int, str, Path]], wheel: Callable[..., Path]
) -> None:
    code, output, folder = installed(str(wheel("mine")))
    assert code == 0, output
    assert (folder / "mine.py").read_text() == "VERSION = '1.0'\n"
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"mine.py", "mine-1.0.dist-info"}


@pytest.mark.parametrize(
    ("requires", "words"),
    [
        ("nowhere-to-be-found", "Could not find a version that satisfies the requirement nowhere-to-be-found"),
        ("pip<1", "mine-1.0-py3-none-any.whl because these package versions have conflicting dependencies"),
    ],
)
def test_what_cannot_be_had_is_told_in_one_sentence(
    installed: Callable[..., tuple[int, str, Path]], wheel: Callable[..., Path], requires: str, words: str
) -> None:
    code, output, _ = installed(str(wheel("mine", requires=requires)))
    assert code == 1
    (sentence,) = [line for line in output.splitlines() if line.startswith(installing.SAID)]
    assert words in sentence
    assert sentence.endswith(".")


def test_what_is_installed_already_adds_nothing(installed: Callable[..., tuple[int, str, Path]]) -> None:
    code, output, _ = installed("pip")
    assert code == 1
    assert f"{installing.SAID}the base has all of that already" in output


def test_pins_hold_what_is_installed_and_what_may_come(tmp_path: Path) -> None:
    file = tmp_path / "constraints.txt"
    file.write_text("# exact versions\nPyTest==0.1\nnew-one==1.0\n")
    found = [each for each in distributions() if each.metadata["Name"] in ("pytest", "nasflow")]
    pinned = installing.pins(found, file)
    assert "new-one==1.0" in pinned
    assert [line for line in pinned if line.lower().startswith("pytest==")] != ["PyTest==0.1"]
    assert installing.pins([], tmp_path / "none") == []


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            "x\nERROR: Could not find a version\nERROR: No matching distribution found for y\n",
            "Could not find a version.",
        ),
        ("  [stderr] ERROR: deep.\n", "deep."),
        ("ERROR: subprocess-exited-with-error\nERROR: Failed to build 'a'\n", "Failed to build 'a'."),
        ("nothing", "pip failed."),
    ],
)
def test_the_first_error_that_says_something_is_told(output: str, sentence: str) -> None:
    assert installing.problem(output) == sentence


def test_names_have_one_spelling() -> None:
    assert installing.normal("My_Own..Family") == "my-own-family"
