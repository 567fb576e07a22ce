"""What pyproject.toml promises exists, and the wheel holds all of the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GROUPS = {"console_scripts": PROJECT["scripts"], **PROJECT["entry-points"]}
DECLARED = [EntryPoint(name, value, group) for group, entries in GROUPS.items() for name, value in entries.items()]


@pytest.mark.parametrize("entry", DECLARED, ids=lambda entry: f"{entry.group}:{entry.name}")
def test_entry_point_resolves(entry: EntryPoint) -> None:
    assert entry.load() is not None


def test_constraints_are_exact_versions_without_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins == sorted(pins, key=str.lower)
    for pin in pins:
        name, _, version = pin.partition("==")
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum(), pin
        assert version.replace(".", "").isalnum(), pin


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing is left in the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("nasflow", "components", "pipelines"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    return next(folder.glob("nasflow-*.whl"))


@pytest.mark.slow
def test_wheel_holds_every_module(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"nasflow/{path.relative_to(ROOT)}" for path in (ROOT / "components").rglob("*.py")}
    expected |= {f"nasflow/{path.relative_to(ROOT)}" for path in (ROOT / "pipelines").rglob("*.py")}
    for suffix in (".py", ".html.j2", ".css", ".js"):
        expected |= {str(path.relative_to(ROOT)) for path in (ROOT / "nasflow").rglob(f"*{suffix}")}
    expected.add("nasflow/py.typed")

    assert expected <= packed
    assert "nasflow/components/__init__.py" in packed
    assert "nasflow/pipelines/__init__.py" in packed
    assert {name.split("/")[0] for name in packed} == {"nasflow", f"nasflow-{PROJECT['version']}.dist-info"}


@pytest.mark.slow
def test_installed_wheel_imports_by_its_full_names(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    target = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)

    code = "import nasflow.components, nasflow.pipelines; print(nasflow.components.__file__)"
    result = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert Path(result.stdout.strip()) == target / "nasflow" / "components" / "__init__.py"
    bare = subprocess.run([python, "-c", "import components"], cwd=tmp_path, capture_output=True, text=True)
    assert "ModuleNotFoundError" in bare.stderr
