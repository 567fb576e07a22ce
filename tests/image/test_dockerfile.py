"""What the Dockerfile and what is beside it say; nothing here needs Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nasflow.components.image import IMAGE

ROOT = Path(__file__).parents[2]
SUBSTITUTE = '#!/bin/sh\nprintf "%s\\n" "$*" >> "$RECORD"\n'
LABELS = 'io.nasflow.plugins={"nasflow.families":["cnn"]}\norg.opencontainers.image.version=0.1.0'
DOCKER = f"""#!/bin/sh
printf '%s\\n' "$*" >> "$RECORD"
case "$1" in
    version) [ -z "$NO_DAEMON" ] ;;
    run) [ -n "$MUTE" ] || echo '{LABELS}' ;;
    build) ls build-ca.crt >> "$RECORD" 2>/dev/null; [ "$3" != FAIL ] ;;
esac
"""


def instructions() -> list[tuple[str, str]]:
    """Return name and rest of every instruction."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines if line.strip()]


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, without what stands before the first."""
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


def default(name: str) -> str:
    """Return the default of an argument."""
    (value,) = [rest.partition("=")[2] for key, rest in instructions() if key == "ARG" and rest.startswith(f"{name}=")]
    return value


def values(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for key, rest in stage if key == name]


def rendered(tmp_path: Path, **arguments: str) -> list[str]:
    """Run the instruction that installs what nasflow needs; return the commands of Python that it comes to."""
    (body,) = [rest for name, rest in stages()[0] if name == "RUN" and "torchvision" in rest]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(SUBSTITUTE)
    (tmp_path / "bin" / "python").chmod(0o755)
    record = tmp_path / "record"
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "RECORD": str(record),
        "CPU": default("CPU"),
        "TORCH_CPU_INDEX": default("TORCH_CPU_INDEX"),
    }
    subprocess.run(["sh", "-c", body], env=environment | arguments, check=True, cwd=tmp_path)
    return record.read_text().splitlines()


REST = "-m pip --python /opt/nasflow/bin/python install --requirement requirements.txt"


def test_without_an_argument_pytorch_comes_from_the_usual_index(tmp_path: Path) -> None:
    assert rendered(tmp_path) == [REST]


def test_for_cpus_alone_pytorch_comes_from_an_index_that_has_such_a_build(tmp_path: Path) -> None:
    torch, rest = rendered(tmp_path, CPU="1")
    assert torch == (
        "-m pip --python /opt/nasflow/bin/python install --no-deps "
        "--index-url https://download.pytorch.org/whl/cpu torch torchvision"
    )
    assert rest == REST


def test_that_index_can_be_another(tmp_path: Path) -> None:
    assert (
        "--index-url https://mirror/cpu torch" in rendered(tmp_path, CPU="1", TORCH_CPU_INDEX="https://mirror/cpu")[0]
    )


def test_the_constraints_hold_for_every_installation() -> None:
    (environment,) = values(stages()[0], "ENV")
    assert "PIP_CONSTRAINT=/src/constraints.txt" in environment
    assert "PIP_NO_CACHE_DIR=1" in environment
    assert default("BASE") == "python:3.11-slim"
    assert all(stage[0][1].startswith("${BASE}") for stage in stages())


def test_the_last_stage_has_nothing_of_what_built_it() -> None:
    _, last = stages()
    assert values(last, "ARG") == []
    assert values(last, "COPY") == ["--from=build /opt/nasflow /opt/nasflow"]
    assert values(last, "RUN") == ["install -d -m 1777 /cache"]
    assert not re.search(r"\b(pip|apt|apt-get|gcc|curl)\b", " ".join(rest for _, rest in last))


def test_any_user_without_privileges_can_run_it() -> None:
    last = stages()[-1]
    assert values(last, "USER") == ["10001:0"]
    (environment,) = values(last, "ENV")
    for variable in ("HOME=/tmp", "NASFLOW_CACHE=/cache", "USER=nasflow", "PATH=/opt/nasflow/bin:$PATH"):
        assert variable in environment.split()
    assert values(last, "WORKDIR") == ["/tmp"]
    assert values(last, "VOLUME") == ["/cache"]


def test_kubeflows_command_is_appended_to_nothing() -> None:
    assert values(stages()[-1], "ENTRYPOINT") == []


def test_both_builders_take_it() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "--mount" not in text
    assert "<<" not in text
    assert not text.startswith("# syntax")
    assert all(rest.count(" ") == 0 or "=" in rest for name, rest in instructions() if name == "ARG")


def test_it_is_labelled() -> None:
    labels = " ".join(values(stages()[-1], "LABEL"))
    for name in ("title", "description", "licenses"):
        assert f"org.opencontainers.image.{name}=" in labels


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    first, *others = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert first == "*"
    sent = {line[1:] for line in others if line.startswith("!")}
    copied = {source for rest in values(stages()[0], "COPY") for source in rest.split()[:-1]}
    assert sent == {source.replace("cr[t]", "crt") for source in copied}
    assert {"**/__pycache__", "**/*.py[cod]"} <= set(others)
    assert all((ROOT / source).exists() for source in copied if "[" not in source)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Run `make image` on a copy of the Makefile with a command in Docker's place; return status, output, its calls."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(DOCKER)
    (tmp_path / "bin" / "docker").chmod(0o755)
    (tmp_path / "record").touch()

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        known = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "RECORD": str(tmp_path / "record")}
        ended = subprocess.run(
            ["make", "--no-print-directory", "image", *arguments],
            cwd=tmp_path,
            env=known | environment,
            capture_output=True,
            text=True,
        )
        return ended.returncode, ended.stdout + ended.stderr, (tmp_path / "record").read_text()

    return run


def test_make_image_builds_and_then_labels(make: Callable[..., tuple[int, str, str]]) -> None:
    code, output, calls = make()
    assert code == 0, output
    first, second = [line for line in calls.splitlines() if line.startswith("build")]
    assert "--build-arg BASE=python:3.11-slim" in first
    assert "--build-arg CPU= " in first
    assert first.endswith(f"--tag {IMAGE} .")
    assert '--label io.nasflow.plugins={"nasflow.families":["cnn"]}' in second
    assert "--label org.opencontainers.image.version=0.1.0" in second
    assert second.endswith(f"--tag {IMAGE} -")
    assert f"Built {IMAGE}" in output


def test_make_image_takes_its_arguments(make: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_text("an authority")
    code, output, calls = make(
        *("CPU=1", "IMAGE=mine:1", "BASE=mirror/python:3.11-slim", "TORCH_CPU_INDEX=https://mirror/cpu"),
        *("CA=authority.pem", "IMAGE_ARGS=--network host"),
        PIP_INDEX_URL="https://user:recognisable@index",
    )
    assert code == 0, output
    first = next(line for line in calls.splitlines() if line.startswith("build"))
    for part in ("BASE=mirror/python:3.11-slim", "CPU=1", "TORCH_CPU_INDEX=https://mirror/cpu", "--network host"):
        assert part in first
    assert first.endswith("--tag mine:1 .")
    assert "--build-arg PIP_INDEX_URL " in first
    assert "recognisable" not in calls + output
    assert "build-ca.crt" in calls
    assert not (tmp_path / "build-ca.crt").exists()


def test_make_image_says_what_is_missing(make: Callable[..., tuple[int, str, str]]) -> None:
    code, output, calls = make(NO_DAEMON="1")
    assert code != 0
    assert "make image needs Docker, and no daemon answers" in output
    assert "build" not in calls
    code, output, _ = make(MUTE="1")
    assert code != 0
    assert "Built" not in output


def test_the_authority_goes_even_where_the_build_fails(
    make: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "docker").write_text(DOCKER.replace('[ "$3" != FAIL ]', "exit 1"))
    (tmp_path / "authority.pem").write_text("an authority")
    code, output, _ = make("CA=authority.pem")
    assert code != 0
    assert "Built" not in output
    assert not (tmp_path / "build-ca.crt").exists()
