from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nasflow import plugins
from nasflow.errors import PluginError, UserError
from nasflow.storage import check_url, open_store
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
        "import sys; from nasflow.storage import check_url, open_store; open_store(sys.argv[1]).put('k', b'');"
        "print({'torch', 'mlflow', 'kfp', 'numpy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("FILE", r"is a file where a folder is needed.*storage\.url"),
        ("FILE/below", r"is a file where a folder is needed.*storage\.url"),
        ("/dev/null", r"is a file where a folder is needed.*storage\.url"),
        ("/proc/nasflow", r"^storage\.url: the store '/proc/nasflow' cannot be written"),
        ("n" * 300, r"^storage\.url: .*File name too long"),
        ("file://elsewhere/x", r"^storage\.url 'file://elsewhere/x' names the host"),
    ],
)
def test_a_folder_that_cannot_be_is_the_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("")
    with pytest.raises(UserError, match=words):
        check_url(url)
    assert [path.name for path in tmp_path.iterdir()] == ["FILE"]


def test_a_folder_that_can_be_is_not_made(tmp_path: Path) -> None:
    check_url(str(tmp_path / "a" / "b"))
    assert list(tmp_path.iterdir()) == []
