"""A request of a search, and packages to install."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.request import Request


@pytest.fixture
def request_of(site: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Request]:
    """Make a request of the small search, changed as asked, with a cache of its own."""
    monkeypatch.setenv("NASFLOW_CACHE", str(site.root / "cache"))

    def made(**changes: Any) -> Request:
        return Request(site.config(**changes), site.root, "cpu-AVX2")

    return made


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., Path]:
    """Make a wheel with one module, and entry points where asked."""

    def made(name: str, version: str = "1.0", requires: str = "", entries: str = "") -> Path:
        path = tmp_path / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        files = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        if entries:
            files[f"{info}/entry_points.txt"] = entries
        files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        return path

    return made
