"""Combinations of values that cannot work."""

from __future__ import annotations

import pytest

from nasflow.config import SearchConfig
from nasflow.config.checks import clashes


def found(**changes: object) -> list[tuple[str, str]]:
    data = {"name": "digits", "data": "sklearn:digits", **changes}
    config = SearchConfig.model_validate(data, context={"clashes": False})
    return [(".".join(map(str, clash.path)), clash.text) for clash in clashes(config)]


def test_the_defaults_go_together() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"budget": {"trials": 1}}, "final.candidates", "at most 1, the number of trials"),
        (
            {"space": {"constraints": {"flops": {"less_than": 10, "more_than": 10}}}},
            "space.constraints.flops.more_than",
            "nothing is above 10 and below 10",
        ),
        (
            {"data": {"source": "x", "size": 8}, "training": {"augment": {"crop": 8}}},
            "training.augment.crop",
            "must be below the image size in data.size (8), not 8",
        ),
        ({"space": {"choices": {"depth": []}}}, "space.choices.depth", "needs at least one value"),
        ({"space": {"choices": {"depth": [1, 2, 1]}}}, "space.choices.depth", "lists 1 twice"),
        (
            {"budget": {"trials": 100_000_000}},
            "budget.trials",
            "makes 12500000 rounds of 8, more than 1000; lower it, or set parallelism.round_size to at least 100000.",
        ),
        (
            {"budget": {"trials": 2001}, "parallelism": {"round_size": 2}},
            "budget.trials",
            "parallelism.round_size to at least 3.",
        ),
        ({"tracking": {"experiment": ""}}, "tracking.experiment", "is empty"),
        ({"storage": {"url": ""}}, "storage.url", "is empty"),
        ({"tracking": {"uri": "file:./mlruns"}}, "tracking.uri", "the address of a server or a database"),
        ({"data": "s3:s3://k:secret@bucket/p"}, "data.source", "holds a user or password"),
        ({"storage": {"url": "s3://k:secret@minio/b"}}, "storage.url", "holds a user or password"),
        ({"storage": {"url": "s3://secret@minio/b"}}, "storage.url", "through the environment"),
        ({"tracking": {"uri": "https://secret@host"}}, "tracking.uri", "set MLFLOW_TRACKING_URI"),
        ({"tracking": {"uri": "postgresql://u:se/secret@h/db"}}, "tracking.uri", "set MLFLOW_TRACKING_URI"),
        ({"tracking": {"uri": "postgresql+psycopg2://secret@db/x"}}, "tracking.uri", "set MLFLOW_TRACKING_URI"),
    ],
)
def test_a_clash_names_the_value_to_change(changes: dict[str, object], path: str, words: str) -> None:
    ((where, text),) = found(**changes)
    assert where == path
    assert words in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"parallelism": {"shard_size": 16, "round_size": 8}},
        {"space": {"choices": {"flag": [1, True]}}},
        {"objectives": [{"name": "parameters", "less_than": "reference", "more_than": 5}]},
        {"tracking": {"uri": "http://localhost:5000"}},
        {"tracking": {"uri": "sqlite:///runs.db"}},
        {"tracking": {"uri": "postgresql+psycopg2://db/x"}},
        {"tracking": {"uri": "databricks"}},
        {"storage": {"url": "/data/store"}},
        {"data": {"source": "x", "size": 16}, "training": {"augment": {"crop": 15}}},
        {"final": {"candidates": 24}},
        {"budget": {"trials": 8000}},
        {"budget": {"trials": 2001}, "parallelism": {"round_size": 3}},
        {"tracking": {"uri": "http://host:5000/a@b"}},
        {"data": "./me@work"},
    ],
)
def test_what_works_is_left_alone(changes: dict[str, object]) -> None:
    assert found(**changes) == []
