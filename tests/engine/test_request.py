"""What travels to every step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.config.loading import load_config
from nasflow.engine.request import Request, anchored, delivery_asked

EXAMPLES = sorted(Path(__file__).parents[2].joinpath("examples").glob("*.yaml"))


def config(**changes: Any) -> SearchConfig:
    return SearchConfig.model_validate({"name": "one", "data": "sklearn:digits"} | changes)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_comes_back_as_it_was_and_is_short(path: Path) -> None:
    request = Request(anchored(load_config(path)), Path("/some/where"), "cuda-NVIDIA H100 80GB HBM3", 3)
    text = request.to_json()
    assert Request.from_json(text) == request
    assert len(text) < 2_000  # KFP cuts a parameter at 10,000 bytes


def test_defaults_do_not_travel() -> None:
    travelling = json.loads(Request(config(), Path("/base"), "cpu").to_json())["config"]
    assert travelling == {"name": "one", "data": {"source": "sklearn:digits"}}


def test_a_folder_no_longer_depends_on_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert anchored(config()).storage.url == str(tmp_path / "nasflow-store")
    assert anchored(config(storage={"url": "~/kept"})).storage.url == str(tmp_path / "home" / "kept")
    again = anchored(anchored(config()))
    assert again == anchored(config())


def test_a_url_stays(tmp_path: Path) -> None:
    asked = config(storage={"url": f"file://{tmp_path}/kept"})
    assert anchored(asked) == asked


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"seed": 3}, True),
        ({"tracking": {"experiment": "other"}}, True),
        ({"parallelism": {"workers": 3}}, True),
        ({"final": {"candidates": 1}}, False),
        ({"registry": {"margin": 0.1}}, False),
        ({"registry": {"name": "other"}}, False),
        ({"registry": {"level": 0.01}}, False),
        ({"registry": {"level": 0.05}}, True),
        ({"refresh": {"margin": 0.1}}, True),
        ({"budget": {"trials": 30}}, False),
    ],
)
def test_what_repeats_a_delivery(changes: dict[str, Any], same: bool) -> None:
    assert (delivery_asked(config(**changes)) == delivery_asked(config())) is same


def test_the_store_is_that_of_the_configuration(tmp_path: Path) -> None:
    request = Request(config(storage={"url": str(tmp_path / "kept")}), tmp_path, "cpu")
    assert request.store().url == str(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
