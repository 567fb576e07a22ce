"""What can be named to `nasflow image --with`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nasflow.errors import UserError
from nasflow.pipelines.docker.packages import gathered


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["a", "my-family", "my_family==1.2", "my.family[gpu,x] >=1.0, <2", "x~=1.4.2"])
def test_names_of_the_index_stay_as_they_are(target: Path, name: str) -> None:
    assert gathered([name], target) == [name]
    assert list(target.iterdir()) == []


def test_a_wheel_and_an_archive_are_copied_under_their_names(target: Path, wheel: Callable[..., Path]) -> None:
    source = wheel("mine")
    archive = source.with_name("mine-1.0.tar.gz")
    archive.write_bytes(b"x")
    assert gathered([str(source), str(archive)], target) == ["./0/mine-1.0-py3-none-any.whl", "./1/mine-1.0.tar.gz"]
    assert (target / "0" / source.name).read_bytes() == source.read_bytes()


def test_a_folder_is_copied_without_what_does_not_belong_in_an_image(target: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for file in ("pyproject.toml", "src/mine.py", ".env", ".git/config", "build/x", "src/__pycache__/x.pyc"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("x")
    assert gathered([str(folder)], target) == ["./0/mine"]
    copied = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert copied == {"0/mine/pyproject.toml", "0/mine/src/mine.py"}


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("./nowhere", "there is no file or folder './nowhere'"),
        ("nowhere.whl", "there is no file or folder 'nowhere.whl'"),
        ("git+https://user:pass@host/x", "there is no file or folder"),
        ("mine @ file:///x", "there is no file or folder"),
        ("-r", "'-r' is neither a file, nor a folder, nor a package of the index"),
        ("--index-url=x", "is neither a file, nor"),
        ("a b", "is neither a file, nor"),
        ("a\n-r x", "is neither a file, nor"),
        ("", "is neither a file, nor"),
    ],
)
def test_nothing_else_reaches_pip(target: Path, package: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        gathered([package], target)


def test_folders_and_files_of_another_kind_are_refused(target: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="is a folder without pyproject"):
        gathered([str(tmp_path / "bare")], target)
    with pytest.raises(UserError, match=r"is no wheel \(\.whl\) and no source archive"):
        gathered([str(tmp_path / "notes.txt")], target)
    with pytest.raises(UserError, match="nothing to install is named"):
        gathered([], target)
