"""An image with further packages: built from the project's by the command `docker`, and labelled with what it has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from nasflow.errors import ContainerError, UserError
from nasflow.pipelines.docker import installing
from nasflow.pipelines.docker.packages import gathered
from nasflow.pipelines.search import contents

_SETTINGS = tuple(
    f"PIP_{name}"
    for name in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "TRUSTED_HOST", "DEFAULT_TIMEOUT")
)
"""Settings of pip that a build takes over from the environment."""

_PROXIES = tuple(name for proxy in ("http", "https", "no") for name in (f"{proxy}_proxy", f"{proxy.upper()}_PROXY"))

_CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE")

_DOCKERFILE = "\n".join(
    [
        "ARG BASE",
        "FROM ${BASE} AS install",
        "USER 0",
        *(f"ARG {name}" for name in _SETTINGS),
        "ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore",
        "WORKDIR /packages",
        "COPY . .",
        "RUN python3 -P installing.py /packages /added",
        "FROM ${BASE}",
        "COPY --from=install /added/ /",
        "",
    ]
)
"""The second stage takes what was installed, and nothing of how: neither files nor settings nor addresses."""

_SAID = re.compile(rf"{installing.SAID}(.+)")
_FAULT = re.compile(r"(?:ERROR|error|failed)\b.*", re.DOTALL)


@dataclass(frozen=True)
class Built:
    """An image that was built.

    Attributes:
        image: Its name.
        added: What a search's YAML can name with it and not with its base, by entry-point group.
    """

    image: str
    added: dict[str, list[str]]


class Docker:
    """The command `docker`.

    Raises:
        ContainerError: It is not there, or no daemon answers it.
    """

    def __init__(self) -> None:
        program = shutil.which("docker")
        if program is None:
            raise ContainerError("images are built by the command 'docker', which is not on PATH: install Docker.")
        self._program = program
        ended = self.run("version", "--format", "{{.Server.Version}}")
        if ended.returncode:
            raise ContainerError(
                f"the Docker daemon does not answer ({_last(ended.stderr)}): start it ('systemctl start docker'), "
                "see that you may use it ('docker ps'), or name another one in DOCKER_HOST."
            )

    def run(
        self, *arguments: str, stdin: str | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of it to its end.

        Args:
            arguments: The command's arguments.
            stdin: What it reads.
            variables: Its environment; by default that of this process.
        """
        return subprocess.run(
            [self._program, *arguments], check=False, input=stdin or "", capture_output=True, text=True, env=variables
        )

    def has(self, image: str) -> bool:
        """Whether an image is on this machine."""
        return self.run("image", "inspect", image).returncode == 0

    def contents(self, image: str) -> dict[str, str]:
        """Return the labels that an image is to have, which it tells itself; it runs without network or privileges.

        Raises:
            UserError: It has no nasflow that tells.
        """
        limits = ("--rm", "--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL")
        ended = self.run("run", *limits, image, "python3", "-P", "-m", contents.__name__)
        if ended.returncode:
            raise UserError(f"image '{image}' has no nasflow of this version ({_last(ended.stderr)}).")
        return dict(line.split("=", 1) for line in ended.stdout.splitlines())


def build(
    packages: Sequence[str], base: str, image: str, *, network: str | None = None, variables: Mapping[str, str]
) -> Built:
    """Build an image from another one that has nasflow, with further packages, and label it with what it has.

    Args:
        packages: Wheels, folders or names of the index.
        base: The image to begin with.
        image: Name of the new one.
        network: Network of the build, as `docker build` takes it.
        variables: The environment; it has pip's settings.

    Raises:
        UserError: A package is none, or cannot be installed, or the base is missing or of another kind.
        ContainerError: Docker cannot be used, or the build failed.
    """
    with TemporaryDirectory(prefix="nasflow-image-") as place:
        folder = Path(place)
        lines = gathered(packages, folder)
        docker = Docker()
        if not docker.has(base) and "/" not in base:
            raise UserError(
                f"there is no image '{base}' here: build it with 'make image', or name another with --base."
            )
        (folder / installing.REQUIREMENTS).write_text("\n".join(lines) + "\n")
        shutil.copy(installing.__file__, folder / "installing.py")
        (folder / "Dockerfile").write_text(_DOCKERFILE)
        _take_certificate(folder, variables)
        _check(docker.run(*arguments(base, image, network, variables), place, variables=_plain(variables)))
    before, after = docker.contents(base), docker.contents(image)
    _label(docker, image, after)
    return Built(image, _added(json.loads(before[contents.PLUGINS]), json.loads(after[contents.PLUGINS])))


def arguments(base: str, image: str, network: str | None, variables: Mapping[str, str]) -> list[str]:
    """Return the arguments of `docker build`: values of settings stay in the environment, where nobody lists them."""
    found = ["build", "--build-arg", f"BASE={base}", "--tag", image]
    for name in (*_SETTINGS, *_PROXIES):
        if variables.get(name):
            found += ["--build-arg", name]
    return [*found, *(["--network", network] if network else [])]


def _take_certificate(folder: Path, variables: Mapping[str, str]) -> None:
    """Copy the authority of the index's certificate into the build, where the environment names one."""
    named = next((value for name in _CERTIFICATES if (value := variables.get(name))), None)
    if named and Path(named).is_file():
        shutil.copy(named, folder / installing.CERTIFICATE)


def _plain(variables: Mapping[str, str]) -> dict[str, str]:
    return dict(variables) | {"BUILDKIT_PROGRESS": "plain"}


def _check(ended: subprocess.CompletedProcess[str]) -> None:
    """Raise what a failed build has said.

    Raises:
        UserError: A package cannot be installed.
        ContainerError: It failed in another way.
    """
    if ended.returncode == 0:
        return
    output = ended.stdout + ended.stderr
    said = [match[1] for match in _SAID.finditer(output)]
    if said:
        raise UserError(f"the packages cannot be installed: {said[-1]}")
    raise ContainerError(f"the image cannot be built: {_last(ended.stderr or output)}.")


def _label(docker: Docker, image: str, labels: Mapping[str, str]) -> None:
    """Put labels on an image; its name then means the one that has them."""
    given = [argument for name, value in labels.items() for argument in ("--label", f"{name}={value}")]
    ended = docker.run("build", *given, "--tag", image, "-", stdin=f"FROM {image}\n", variables=_plain(os.environ))
    if ended.returncode:
        raise ContainerError(f"the image cannot be labelled: {_last(ended.stderr)}.")


def _added(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> dict[str, list[str]]:
    found = {group: [name for name in names if name not in before.get(group, [])] for group, names in after.items()}
    return {group: names for group, names in found.items() if names}


def _last(text: str) -> str:
    """Return what a command said last that tells of an error, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it did not say why"]
    told = next((line for line in reversed(lines) if _FAULT.search(line)), lines[-1])
    return told.rstrip(".")
