from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nasflow import plugins
from nasflow.errors import PluginError
from nasflow.storage import open_store
from nasflow.storage.file import FileStore


@pytest.mark.parametrize("form", ["{}", "file://{}", "FILE://{}"])
def test_paths_and_file_urls_open_folders(tmp_path: Path, form: str) -> None:
    store = open_store(form.format(tmp_path / "s"))
    assert isinstance(store, FileStore)
    assert store.root == tmp_path / "s"
    assert not store.root.exists()


def test_path_with_a_colon_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("run:1").url == str(tmp_path / "run:1")


def test_other_schemes_are_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def load(group: str, name: str) -> object:
        asked.append((group, name))
        return lambda url: url.upper()

    monkeypatch.setattr(plugins, "load", load)
    assert open_store("Mem://x") == "MEM://X"
    assert asked == [("storages", "mem")]


def test_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(PluginError, match=r"'gopher' is none of the known storages: .*file"):
        open_store("gopher://x")


def test_opening_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from nasflow.storage import open_store; open_store(sys.argv[1]).put('k', b'');"
        "print({'torch', 'mlflow', 'kfp', 'numpy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
