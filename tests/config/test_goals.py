"""Bounds and goals that no network can keep or reach."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.config import config_from, parse_config
from nasflow.config.goals import is_share
from nasflow.errors import ConfigError


def problems(*objectives: Any) -> list[str]:
    try:
        config_from({"name": "digits", "data": "sklearn:digits", "objectives": list(objectives)})
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("objective", "sentence"),
    [
        (
            {"name": "val_accuracy", "stop_at": 96},
            "objectives[0].stop_at must be between 0 and 1, since val_accuracy is a share, not 96; did you mean 0.96?",
        ),
        (
            {"name": "val_macro_f1", "stop_at": 97.5},
            "objectives[0].stop_at must be between 0 and 1, since val_macro_f1 is a share, not 97.5; did you mean "
            "0.975?",
        ),
        (
            {"name": "val_accuracy", "more_than": 90},
            "objectives[0].more_than must be between 0 and 1, since val_accuracy is a share, not 90; did you mean 0.9?",
        ),
        (
            {"name": "val_balanced_accuracy", "less_than": -1},
            "objectives[0].less_than must be between 0 and 1, since val_balanced_accuracy is a share, not -1.",
        ),
        (
            {"name": "val_accuracy", "stop_at": 101},
            "objectives[0].stop_at must be between 0 and 1, since val_accuracy is a share, not 101.",
        ),
        (
            {"name": "val_accuracy", "more_than": 1},
            "objectives[0].more_than can hold no value: val_accuracy is a share, and none is above 1.",
        ),
        (
            {"name": "val_accuracy", "less_than": 0},
            "objectives[0].less_than can hold no value: val_accuracy is a share, and none is below 0.",
        ),
        (
            {"name": "val_accuracy", "less_than": 0.9, "stop_at": 0.95},
            "objectives[0].stop_at must be below the objective's own less_than (0.9), which no network may reach, not "
            "0.95.",
        ),
        (
            {"name": "val_loss", "more_than": 0.5, "stop_at": 0.5},
            "objectives[0].stop_at must be above the objective's own more_than (0.5), which no network may reach, not "
            "0.5.",
        ),
        (
            {"name": "parameters", "more_than": 1000, "stop_at": 500},
            "objectives[0].stop_at must be above the objective's own more_than (1000), which no network may reach, not "
            "500.",
        ),
        (
            {"name": "latency", "direction": "maximize", "less_than": 3, "stop_at": 4},
            "objectives[0].stop_at must be below the objective's own less_than (3), which no network may reach, not 4.",
        ),
    ],
)
def test_what_no_network_reaches_is_refused(objective: dict[str, Any], sentence: str) -> None:
    assert problems(objective) == [sentence]


@pytest.mark.parametrize(
    "objective",
    [
        {"name": "val_accuracy", "stop_at": 1},
        {"name": "val_accuracy", "more_than": 0, "less_than": 1, "stop_at": 0.5},
        {"name": "val_accuracy", "more_than": 0.9, "stop_at": 0.8},  # any network within the bound ends the search
        {"name": "val_loss", "stop_at": 2.5, "less_than": 30},
        {"name": "parameters", "less_than": "reference", "stop_at": 500},
        {"name": "parameters", "less_than": 1000, "stop_at": 2000},
    ],
)
def test_what_can_be_reached_passes(objective: dict[str, Any]) -> None:
    assert problems(objective) == []


def test_each_value_is_told_with_its_line() -> None:
    text = "name: x\ndata: sklearn:digits\nobjectives:\n- name: val_accuracy\n  more_than: 80\n  stop_at: 96\n"
    with pytest.raises(ConfigError) as told:
        parse_config(text, "x.yaml")
    first, second = told.value.problems
    assert first.startswith("x.yaml, line 5: objectives[0].more_than must be")
    assert second.startswith("x.yaml, line 6: objectives[0].stop_at must be")


def test_an_unknown_objective_is_told_once() -> None:
    (text,) = problems({"name": "val_acuracy", "stop_at": 96})
    assert "did you mean 0.96" not in text


def test_shares_are_known_by_their_names() -> None:
    assert is_share("val_macro_f1")
    assert is_share("accuracy")
    assert not is_share("val_loss")
