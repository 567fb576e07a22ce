"""The overlays, built as `kubectl apply -k` builds them, once a session."""

from __future__ import annotations

import copy
import functools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
OVERLAYS = sorted(path.name for path in (MANIFESTS / "overlays").iterdir())

Document = dict[str, Any]


@functools.cache
def _built(folder: Path) -> list[Document]:
    result = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return [document for document in yaml.safe_load_all(result.stdout) if document]


@pytest.fixture(scope="session")
def build() -> Callable[[str], list[Document]]:
    """Builds an overlay; returns documents that a test may change."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; Kubernetes' own builder of overlays is what these tests are about")
    return lambda overlay: copy.deepcopy(_built(MANIFESTS / "overlays" / overlay))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `overlay` runs once for each."""
    if "overlay" in metafunc.fixturenames:
        metafunc.parametrize("overlay", OVERLAYS)
