"""Imports point one way, and the check of that is known to bite."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in `tree`, whatever else is installed."""
    command = [sys.executable, "-c", LINT]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package, with its links as links."""
    for name in ("nasflow", "components", "pipelines"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_point_one_way() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "statement", "verdict"),
    [
        ("nasflow/errors.py", "import nasflow.plugins", "nasflow.errors -> nasflow.plugins"),
        ("nasflow/errors.py", "import nasflow.config.deep", "nasflow.errors -> nasflow.config.deep"),
        (
            "nasflow/errors.py",
            "def later():\n    from nasflow.pipelines.planted import x",
            "nasflow.errors -> nasflow.pipelines.planted",
        ),
        (
            "components/planted.py",
            "from nasflow import pipelines",
            "nasflow.components.planted -> nasflow.pipelines",
        ),
        ("nasflow/serving/planted.py", "import nasflow.errors", "nasflow.serving.planted -> nasflow.errors"),
        ("nasflow/unheard_of.py", "", "unheard_of"),
    ],
)
def test_planted_violation_is_found(tree: Path, module: str, statement: str, verdict: str) -> None:
    for planted in ("nasflow/config/deep.py", "pipelines/planted.py", module):
        path = tree / planted
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.touch()
    with (tree / module).open("a") as file:
        file.write(f"\n{statement}\n")

    result = lint(tree)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "Imports point one way BROKEN" in result.stdout
    assert verdict in result.stdout
