"""Writing a configuration to begin with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nasflow.cli.main import app
from nasflow.config import load_config


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["new", *arguments])


def test_the_default_is_valid_short_and_says_what_next() -> None:
    result = new("my-digits")
    assert result.exit_code == 0, result.output
    text = Path("my-digits.yaml").read_text()
    assert len(text.splitlines()) < 30
    assert text.count("#") >= 5
    config = load_config("my-digits.yaml")
    assert (config.name, config.data.source, config.training.augment.flip) == ("my-digits", "sklearn:digits", False)
    assert "nasflow check my-digits.yaml" in result.output
    assert "nasflow run my-digits.yaml" in result.output


def test_an_image_folder_is_taken_and_flipping_suggested() -> None:
    Path("my photos/cat").mkdir(parents=True)
    assert new("pets", "--data", "my photos").exit_code == 0
    config = load_config("pets.yaml")
    assert config.data.source == "my photos"
    assert config.training.augment.flip is True
    assert len(Path("pets.yaml").read_text().splitlines()) < 30


def test_an_archive_of_images_is_taken() -> None:
    Path("photos.tar.gz").touch()
    Path("searches").mkdir()
    assert new("pets", "--data", "photos.tar.gz", "--out", "searches/p.yaml").exit_code == 0
    assert load_config("searches/p.yaml").data.source == "../photos.tar.gz"


def test_a_relative_folder_starts_at_the_file_that_is_written() -> None:
    Path("photos/cat").mkdir(parents=True)
    Path("searches").mkdir()
    assert new("pets", "--data", "photos", "--out", "searches/p.yaml").exit_code == 0
    source = load_config("searches/p.yaml").data.source
    assert (Path("searches") / source).resolve() == Path("photos").resolve()


@pytest.mark.parametrize("folder", ["a:b", "2024", "it's", "#1", "on", "ümlaut", "sklearn"])
def test_folders_with_odd_names_come_back_from_the_yaml(folder: str) -> None:
    Path(folder).mkdir()
    result = new("pets", "--data", f"./{folder}")
    assert result.exit_code == 0, result.output
    assert Path(load_config("pets.yaml").data.source) == Path(folder)


def test_an_absolute_folder_stays_absolute(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert new("pets", "-d", str(tmp_path / "photos")).exit_code == 0
    assert load_config("pets.yaml").data.source == str(tmp_path / "photos")


def test_nothing_is_overwritten_without_force() -> None:
    Path("s.yaml").write_text("mine")
    result = new("s")
    assert result.exit_code == 2
    assert result.stderr == (
        "nasflow: s.yaml exists already; name another file with --out, or replace it with --force.\n"
    )
    assert Path("s.yaml").read_text() == "mine"
    assert new("s", "--force").exit_code == 0
    assert load_config("s.yaml").name == "s"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["My Search"],
            "NAME must be 1 to 63 lower-case letters, digits and hyphens, not 'My Search'; try 'my-search'.",
        ),
        (
            ["s", "--data", "nowhere"],
            "--data must be a folder of images, a zip or tar of one, or an installed source; 'nowhere' does not exist.",
        ),
        (
            ["s", "--data", "file.txt"],
            "--data must be a folder of images, a zip or tar of one, or an installed source; 'file.txt' is a file.",
        ),
        (["s", "--data", "sklern:digits"], "Did you mean 'sklearn'?"),
        (["s", "--out", "s.txt"], "--out must name a .yaml file, not 's.txt'."),
        (["s", "--out", "no/s.yaml"], "the folder 'no' of --out does not exist."),
        (["Big", "--out", "s.yaml"], "name must be 1 to 63 lower-case letters"),
    ],
)
def test_mistakes_are_answered_and_nothing_is_written(arguments: list[str], sentence: str) -> None:
    Path("file.txt").write_text("x")
    result = new(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert os.listdir() == ["file.txt"]  # noqa: PTH208
