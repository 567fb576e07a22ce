"""From `data.source` to a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import Field

from nasflow.config import DataConfig, Options
from nasflow.data.opening import find_source, inspect_source, open_source, valid_options
from nasflow.data.prepare import prepare
from nasflow.data.sources.folder import FolderSource
from nasflow.data.sources.sklearn_digits import SklearnSource
from nasflow.errors import ConfigError, DataError, PluginError


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sklearn:digits", SklearnSource),
        ("photos", FolderSource),
        ("folder:photos", FolderSource),
        ("/a/b", FolderSource),
    ],
)
def test_source_by_its_name(text: str, kind: type) -> None:
    assert isinstance(open_source(DataConfig(source=text), Path("/base")), kind)


def test_folder_starts_at_the_base() -> None:
    source = open_source(DataConfig(source="photos"), Path("/base"))
    assert isinstance(source, FolderSource)
    assert source.root == Path("/base/photos")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sklern:digits", "Did you mean 'sklearn'?"),
        ("gs://bucket/photos", "data.source has 'gs' before the colon, which is none of the known sources"),
        ("", "data.source is empty"),
        ("sklearn:", "data.source needs something behind 'sklearn:'"),
    ],
)
def test_wrong_source(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_source(DataConfig(source=text), Path())
    assert message in str(caught.value)


def test_unknown_option() -> None:
    with pytest.raises(ConfigError, match=r"data\.options\.recursive is unknown; the options there are: none\."):
        open_source(DataConfig(source="photos", options={"recursive": True}), Path())


def test_every_wrong_option_has_a_sentence() -> None:
    class Some(Options):
        depth: int = Field(default=1, ge=0)
        name: str = "x"

    assert valid_options(Some, {"depth": 3}, "data.options") == Some(depth=3)
    with pytest.raises(ConfigError) as caught:
        valid_options(Some, {"depth": -1, "nam": "y"}, "data.options")
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith("data.options.depth: ")
    assert "-1" in caught.value.problems[0]
    assert caught.value.problems[1] == "data.options.nam is unknown; the options there are: depth, name."


def test_what_is_no_source_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasflow.data.opening.load", lambda group, name: object)
    with pytest.raises(PluginError, match="source 'sklearn' lacks Options, scan or samples"):
        open_source(DataConfig(source="sklearn:digits"), Path())


def test_size_of_the_configuration_overrules() -> None:
    assert inspect_source(DataConfig(source="sklearn:digits"), Path()).size == 8
    assert inspect_source(DataConfig(source="sklearn:digits", size=16), Path()).size == 16


def test_classes_are_checked_before_anything_is_read() -> None:
    with pytest.raises(DataError, match=r"at least 175 images \(data\.min_per_class\); '8' has 174"):
        inspect_source(DataConfig(source="sklearn:digits", min_per_class=175), Path())


def test_what_was_found_is_read_without_looking_again(
    tmp_path: Path, write_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DataConfig(source=str(write_folder(count=40)), size=9)
    found = find_source(config, tmp_path)
    assert found.summary == inspect_source(config, tmp_path)
    assert found.summary.size == 9

    def refuse(*args: object) -> None:
        raise AssertionError("looked again")

    monkeypatch.setattr(FolderSource, "scan", refuse)
    monkeypatch.setattr("nasflow.data.sources.folder.read_layout", refuse)
    bundle = prepare(config, tmp_path, tmp_path / "b", None, found)
    assert (sum(bundle.counts.values()), bundle.size) == (80, 9)
