"""What can be said of refreshes."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.config import RefreshConfig, config_from
from nasflow.config.schema import json_schema
from nasflow.errors import ConfigError


def config(refresh: Any) -> RefreshConfig:
    return config_from({"name": "small", "data": "sklearn:digits", "refresh": refresh}).refresh


def test_a_refresh_searches_and_wants_half_a_point_beyond_chance() -> None:
    assert config({}) == RefreshConfig(mode="search", from_history=5, margin=0.005)


@pytest.mark.parametrize(
    ("refresh", "words"),
    [
        ({"mode": "retrian"}, r"refresh\.mode must be 'search' or 'retrain', not 'retrian'\..*'retrain'"),
        ({"margin": 1}, r"refresh\.margin must be .*below 1"),
        ({"margin": -0.1}, r"refresh\.margin must be at least 0"),
        ({"level": 0.01}, r"refresh has no field 'level'; it belongs to 'registry'"),
        ({"from_history": -1}, r"refresh\.from_history must be at least 0, not -1"),
        ({"from_histroy": 3}, r"refresh has no field 'from_histroy'\. Did you mean 'from_history'"),
        ({"trials": 3}, r"refresh has no field 'trials'; it belongs to 'budget'"),
        ("retrain", r"refresh must be a mapping"),
    ],
)
def test_mistakes_are_named(refresh: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config(refresh)


def test_editors_know_it() -> None:
    schema = json_schema()
    described = schema["$defs"]["RefreshConfig"]["properties"]
    assert set(described) == {"mode", "from_history", "margin"}
    assert described["mode"]["enum"] == ["search", "retrain"]
    assert all(field["description"] for field in described.values())
