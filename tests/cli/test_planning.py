"""What `nasflow check` finds out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nasflow.cli.planning import planned
from nasflow.config.loading import load_config
from nasflow.errors import DataError

EXAMPLES = Path(__file__).parents[2] / "examples"


def plan(site: Any, **changes: Any) -> Any:
    path = site.yaml(**changes)
    return planned(path, load_config(path))


def test_the_digits_example() -> None:
    path = EXAMPLES / "digits.yaml"
    view = planned(path, load_config(path))
    assert view.name == "digits"
    assert view.data.startswith("sklearn:digits: 1,797 images, 10 classes, 8×8 grey")
    assert (view.trials, view.rounds, view.shards, view.epochs, view.finals, view.final_epochs) == (24, 3, 1, 10, 2, 40)
    assert (view.space, view.strategy) == ("cnn", "evolution")
    assert any(text.startswith("minimize parameters") and "below" in text for text in view.objectives)


def test_rounds_and_shards(site: Any) -> None:
    view = plan(site, budget={"trials": 20}, parallelism={"round_size": 8, "shard_size": 3})
    assert (view.rounds, view.shards, view.workers) == (3, 3, 2)
    small = plan(site, budget={"trials": 2}, parallelism={"round_size": 8, "shard_size": 1}, final={"candidates": 1})
    assert (small.rounds, small.shards) == (1, 2)


def test_what_will_be_written_where(site: Any) -> None:
    writes = dict(plan(site).writes)
    assert writes["results, checkpoints, data"] == str(site.store_folder)
    assert "experiment 'small'" in writes["runs"]
    assert str(site.database) in writes["runs"]
    assert writes["registered"] == "model 'small'"
    off = dict(plan(site, registry={"enabled": False}).writes)
    assert "registry.enabled is false" in off["registered"]
    assert [path.name for path in site.root.iterdir()] == ["search.yaml"]


def test_a_password_in_the_uri_is_not_shown(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret-word@mlflow.example/")
    text = " ".join(value for _, value in plan(site).writes)
    assert "secret-word" not in text
    assert "mlflow.example" in text


def test_options_and_constraints_are_told(site: Any) -> None:
    view = plan(site, space={"constraints": {"parameters": {"less_than": 5000}}})
    assert view.strategy == 'evolution {"population_size": 3}'
    assert view.constraints == ("parameters below 5000",) or "5,000" in view.constraints[0]


def test_a_space_smaller_than_the_budget_is_told(site: Any) -> None:
    view = plan(site, space={"options": {"max_depth": 1, "widths": [16], "dropouts": [0.0]}}, budget={"trials": 40})
    assert view.space_size == 15
    assert any("fewer than budget.trials (40)" in note for note in view.notes)
    assert plan(site).notes == ()


def test_small_classes_are_told_of(site: Any, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "few" / name).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (8, 8), (number, len(name), 0)).save(tmp_path / "few" / name / f"{number}.png")
    (note,) = plan(site, data=str(tmp_path / "few")).notes
    assert note.startswith("Few images of a class ('cat' has 12, 'dog' has 12): with a probability of 47%")


def test_broken_data_are_an_error(site: Any) -> None:
    with pytest.raises(DataError, match="nowhere"):
        plan(site, data="nowhere")
