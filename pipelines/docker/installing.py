"""Installing further packages within an image, by the image's own Python: `python3 installing.py PACKAGES TARGET`.

`nasflow image` copies this file into the build, so it needs nothing but Python and pip. What is installed goes below
another folder, from which the last stage of the build takes it: neither pip's settings nor the packages' files stay.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

SAID = "nasflow-image: "
"""What a sentence for the user begins with, among all else that a build prints."""

REQUIREMENTS = "requirements.txt"
CERTIFICATE = "build-ca.crt"
_PINS = Path("constraints.txt")
_PROBLEM = re.compile(r"\s*(?:\[\w+\] )?ERROR: (.+)")


def install(packages: Path, target: Path) -> str | None:
    """Install what `requirements.txt` in a folder names.

    Args:
        packages: The folder; its other files are what the requirements refer to.
        target: Folder below which everything is put, at the path that it has in the image.

    Returns:
        Why it could not be done, or None.
    """
    before = {normal(name): found for name, found in named(distributions())}
    constraints = packages / "all-constraints.txt"
    constraints.write_text("\n".join(pins(before.values(), Path(sys.prefix) / _PINS)) + "\n")
    options = ["--prefix", f"{target}{sys.prefix}", "--constraint", str(constraints), "--no-cache-dir"]
    if (packages / CERTIFICATE).exists():
        options += ["--cert", str(packages / CERTIFICATE)]
    command = [*pip(), "install", *options, "--requirement", str(packages / REQUIREMENTS)]
    ended = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    sys.stdout.write(ended.stdout)
    if ended.returncode:
        return problem(ended.stdout, (packages / REQUIREMENTS).read_text().splitlines())
    folders = [str(path) for path in target.rglob("site-packages")]
    added = {normal(name) for name, _ in named(distributions(path=folders))} if folders else set()
    if twice := sorted(added & set(before)):
        return f"the base has {', '.join(twice)} already; name a base without it with --base."
    if not added:
        return "the base has all of that already, so there is nothing to add."
    return None


def pip() -> list[str]:
    """Return the command of a pip that installs for this Python, which need not have one of its own."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    return [getattr(sys, "_base_executable", sys.executable), "-m", "pip", "--python", sys.executable]


def pins(installed: Iterable[Distribution], file: Path) -> list[str]:
    """Return constraints that leave everything installed as it is, and hold what is not to the project's versions.

    Args:
        installed: What is installed.
        file: The project's constraints; it may be absent.
    """
    known = {normal(found.metadata["Name"]): f"{found.metadata['Name']}=={found.version}" for found in installed}
    lines = file.read_text().splitlines() if file.exists() else []
    others = [line for line in lines if "==" in line and normal(line.partition("==")[0]) not in known]
    return [*sorted(known.values(), key=str.lower), *others]


def named(found: Iterable[Distribution]) -> list[tuple[str, Distribution]]:
    """Return distributions with their names, without what is damaged and has none."""
    return [(each.metadata["Name"], each) for each in found if each.metadata and each.metadata["Name"]]


def normal(name: str) -> str:
    """Return a distribution's name as all its spellings have it."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()


def problem(output: str, requirements: Sequence[str] = ()) -> str:
    """Return what pip says is wrong: the first of its errors that says more than that there was one.

    Args:
        output: All that pip printed.
        requirements: The lines that it installed, which it names by their numbers.
    """
    told = [match[1].strip() for line in output.splitlines() if (match := _PROBLEM.match(line))]
    vague = ("subprocess-exited", "Failed to build installable", "ResolutionImpossible")
    first = next((line for line in told if not line.startswith(vague)), told[0] if told else "pip failed")
    numbered = {f"(line {number})": line for number, line in enumerate(requirements, 1)}
    named_by_line = re.sub(r"-r \S+ (\(line \d+\))", lambda match: numbered.get(match[1], match[0]), first)
    return f"{named_by_line.rstrip('.')}."


def main(arguments: Sequence[str]) -> int:
    """Install; print why not, where it failed, and return the exit status."""
    why = install(Path(arguments[0]), Path(arguments[1]))
    if why is not None:
        sys.stdout.write(f"{SAID}{why}\n")
    return 0 if why is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
