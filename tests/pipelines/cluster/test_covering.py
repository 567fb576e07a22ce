"""What a search uses, held against what an image has."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.errors import UserError
from nasflow.pipelines.cluster.covering import check_covered, used
from nasflow.pipelines.search.contents import PLUGINS, VERSION, labels
from nasflow.testing.plugins import installed

IMAGE = "registry.example.org/nasflow:1"
TINY = Path(__file__).parents[3] / "examples" / "own_family" / "tiny.py"


def config(**sections: Any) -> SearchConfig:
    made = {"name": "pets", "data": "sklearn:digits", "storage": {"url": "s3://bucket"}}
    return SearchConfig.model_validate(made | sections)


def test_what_a_search_uses_is_named_by_group() -> None:
    asked = config(
        space="mlp", strategy="random", objectives=["val_accuracy", "latency", {"name": "parameters", "less_than": 9e6}]
    )
    assert list(used(asked)) == [
        ("families", "mlp"),
        ("tasks", "image_classification"),
        ("strategies", "random"),
        ("objectives", "latency"),
        ("objectives", "parameters"),
        ("sources", "sklearn"),
        ("storages", "s3"),
    ]
    assert ("storages", "file") in list(used(config(storage={"url": "/cache/searches"})))
    assert ("sources", "folder") in list(used(config(data="photos")))


def test_an_image_of_what_is_installed_here_covers_it() -> None:
    assert check_covered(config(), IMAGE, labels()) == []


def test_an_image_without_a_label_is_no_more_than_a_note() -> None:
    (note,) = check_covered(config(), IMAGE, {})
    assert note.startswith(f"{IMAGE} has no label io.nasflow.plugins, so that nobody can tell from here")


@pytest.mark.parametrize("told", ["", "nonsense", "[]", '{"nasflow.tasks": 7}', "7"])
def test_a_label_that_cannot_be_read_is_no_more_than_a_note(told: str) -> None:
    (note,) = check_covered(config(), IMAGE, {PLUGINS: told})
    assert "cannot be read" in note


def test_another_version_is_a_note() -> None:
    (note,) = check_covered(config(), IMAGE, labels() | {VERSION: "9.9"})
    assert note == f"{IMAGE} has nasflow 9.9, and here is {version('nasflow')}: results may differ."
    without = {name: value for name, value in labels().items() if name != VERSION}
    assert "of unknown version" in check_covered(config(), IMAGE, without)[0]


@pytest.mark.parametrize(
    ("group", "name", "said"),
    [
        ("families", "cnn", "has no family 'cnn'"),
        ("strategies", "evolution", "has no strategy 'evolution'"),
        ("tasks", "image_classification", "has no task 'image_classification'"),
        ("sources", "sklearn", "has no source 'sklearn'"),
        ("storages", "s3", "has no storage 's3'"),
        ("objectives", "latency", "has no objective 'latency'"),
    ],
)
def test_each_kind_of_plugin_is_missed(group: str, name: str, said: str) -> None:
    told = labels()[PLUGINS].replace(f'"{name}"', '"other"')
    asked = config(strategy="evolution", objectives=["val_accuracy", "latency"])
    with pytest.raises(UserError) as refused:
        check_covered(asked, IMAGE, labels() | {PLUGINS: told})
    assert said in str(refused.value)
    assert "'nasflow image --with PACKAGE_OR_WHEEL'" in str(refused.value)


def test_a_missing_plugin_is_told_with_the_package_that_has_it_here(tmp_path: Path) -> None:
    plain = labels()
    shutil.copy(TINY, tmp_path)
    with installed(tmp_path, {"families": {"tiny": "tiny:Tiny"}}, "tiny-networks"):
        asked = config(space="tiny")
        with pytest.raises(UserError) as refused:
            check_covered(asked, IMAGE, plain)
        assert check_covered(asked, IMAGE, labels()) == []
    sys.modules.pop("tiny", None)
    assert str(refused.value) == (
        f"{IMAGE} has no family 'tiny': build an image that has, with 'nasflow image --with tiny-networks', or name "
        "another one with --image."
    )


def test_all_that_is_missing_is_in_one_sentence() -> None:
    with pytest.raises(UserError, match=r"has no family 'cnn' and no task 'image_classification' and no strategy"):
        check_covered(config(), IMAGE, {PLUGINS: "{}"})
