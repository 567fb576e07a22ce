"""The image itself: who can run it, what it holds and what it does not; and images derived from it."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nasflow.config.steps import STEPS
from nasflow.pipelines.search import contents

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Within = Callable[..., subprocess.CompletedProcess[str]]

IMPORTS = "\n".join(
    [
        *(f"import nasflow.components.{step}.component" for step in STEPS),
        "import kfp.dsl.executor_main, mlflow, onnx, onnxruntime, sklearn, torch, torchvision",
        "import getpass, os, pathlib",
        "print(os.getuid(), os.getgid(), getpass.getuser(), pathlib.Path.home())",
        "pathlib.Path('/tmp/x').touch(); pathlib.Path('/cache/x').touch()",
        "for path in ('/x', '/opt/nasflow/x', '/home/x'):",
        "    try:",
        "        pathlib.Path(path).touch()",
        "        print('wrote', path)",
        "    except OSError:",
        "        pass",
    ]
)

SEARCH = """
name: small
data: sklearn:digits
space: {family: mlp, options: {max_depth: 2, widths: [16, 32]}}
fidelity: {epochs: 1, data_fraction: 0.5}
training: {learning_rate: 0.1}
budget: {trials: 3}
parallelism: {round_size: 3, workers: 1}
final: {candidates: 1, epochs: 1}
storage: {url: /tmp/store}
"""

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "own-package"
version = "1.0"
[tool.setuptools]
py-modules = ["own_package"]
"""


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def test_an_unknown_user_can_import_every_component_and_write_two_folders_alone(within: Within) -> None:
    ended = within("python3", "-c", IMPORTS)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "12345 0 nasflow /tmp\n"


def test_an_unknown_user_can_run_the_command(within: Within) -> None:
    ended = within("nasflow", "--help")
    assert ended.returncode == 0, ended.stderr
    assert "Search for neural architectures" in ended.stdout


def test_every_component_runs_in_it_as_an_unknown_user(within: Within, tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(SEARCH)
    tmp_path.chmod(0o755)
    ended = within("nasflow", "run", "/search.yaml", options=(f"--volume={file}:/search.yaml:ro",))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Registered as small version 1, alias champion" in " ".join(ended.stdout.split())


@pytest.mark.parametrize("program", ["cc", "gcc", "g++", "clang", "make", "git", "curl"])
def test_it_has_no_tools_to_build_with(within: Within, program: str) -> None:
    assert within("sh", "-c", f"command -v {program}").returncode != 0


def test_nothing_of_the_build_is_left(within: Within, image: str) -> None:
    ended = within(
        "sh",
        "-c",
        "ls -d /src /build-ca.crt /root/.cache /root/.config /etc/pip.conf 2>/dev/null;"
        " find / -xdev -name 'pip.conf' -o -xdev -name '*.whl' -not -path '*/ensurepip/*' -not -path '/usr/share/*'"
        " 2>/dev/null",
    )
    assert ended.stdout == ""
    told = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    told += json.dumps(json.loads(docker("image", "inspect", image))[0]["Config"])
    assert "PIP_" not in told
    assert "proxy" not in told.lower()


def test_its_labels_tell_what_is_in_it(within: Within, image: str) -> None:
    labels = json.loads(docker("image", "inspect", image))[0]["Config"]["Labels"]
    printed = within("python3", "-m", contents.__name__).stdout
    for line in printed.splitlines():
        name, _, value = line.partition("=")
        assert labels[name] == value
    plugins = json.loads(labels[contents.PLUGINS])
    assert {"cnn", "mlp"} <= set(plugins["nasflow.families"])
    assert labels["org.opencontainers.image.title"] == "nasflow"


def test_it_has_the_versions_of_the_constraints(within: Within, root: Path) -> None:
    program = (
        "import json; from importlib.metadata import distributions\n"
        "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version for d in distributions()}))"
    )
    found = json.loads(within("python3", "-c", program).stdout)
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = {name.lower().replace("_", "-"): version for name, _, version in (line.partition("==") for line in lines)}
    common = set(pins) & set(found)
    assert {"torch", "kfp", "mlflow", "docker"} <= common
    assert {name: found[name].partition("+")[0] for name in common} == {name: pins[name] for name in common}
    assert not {"pytest", "mypy", "ruff"} & set(found)


@pytest.fixture
def tag(image: str) -> Iterator[str]:
    """Name of an image that goes with the test."""
    name = f"nasflow-test-{uuid.uuid4().hex[:8]}"
    yield name
    subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True)


def derived(site: Any, image: str, tag: str, *packages: Path, **environment: str) -> tuple[int, str]:
    chosen = [argument for package in packages for argument in ("--with", str(package))]
    return site.command("image", *chosen, "--base", image, "--tag", tag, "--network", "host", **environment)


def test_an_image_with_a_family_of_ones_own_can_run_it(site: Any, image: str, tag: str, root: Path) -> None:
    code, output = derived(site, image, tag, root / "examples" / "own_family")
    assert code == 0, output
    assert "families: " in output
    plugins = json.loads(json.loads(docker("image", "inspect", tag))[0]["Config"]["Labels"][contents.PLUGINS])
    name = output.split("families: ")[1].split()[0]
    assert name in plugins["nasflow.families"]
    ended = docker("run", "--rm", "--read-only", "--tmpfs=/tmp", "--user=12345:0", tag, "python3", "-c",
                   f"from nasflow.plugins import load; print(load('families', {name!r}))")  # fmt: skip
    assert ended
    told = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", tag)
    assert "PIP_" not in told
    code, output = derived(site, tag, f"{tag}-again", root / "examples" / "own_family")
    assert code == 2
    assert "already; name a base without it with --base" in " ".join(output.split())


def test_a_package_without_an_entry_point_is_noted(site: Any, image: str, tag: str, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "own_package.py").write_text("ANSWER = 42\n")
    code, output = derived(site, image, tag, folder)
    assert code == 0, output
    assert "Note: the packages register no entry point" in output
    assert docker("run", "--rm", tag, "python3", "-c", "import own_package; print(own_package.ANSWER)") == "42\n"


def test_a_package_that_cannot_be_installed_is_told(site: Any, image: str, tag: str) -> None:
    code, output = derived(site, image, tag, Path("nasflow-there-is-no-such-package"))
    assert code == 2
    assert "the packages cannot be installed: " in output
    assert "Traceback" not in output
