"""Whatever a file says, the answer is a configuration or sentences, never another exception."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nasflow.config import config_from, parse_config
from nasflow.errors import ConfigError

FOLDER = (Path(__file__).resolve().parents[2] / "examples" / "folder.yaml").read_text()
ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1.5, 10**30, float("inf"), float("nan"), "", " ", "on", "x" * 300, "a:b", "://", "*",
    [], {}, [[]], [None], {"": 1}, {"a": {"b": []}}, [{}], [1, True, "1"], "2024-01-01", "objectives[0]", "{}",
)  # fmt: skip

RESOURCES: dict[str, Any] = {
    "cpu": 8,
    "memory_gib": 32,
    "accelerator": {"type": "nvidia.com/gpu"},
    "node_selector": {"pool": "gpu"},
    "tolerations": [{"key": "dedicated", "value": "gpu", "effect": "NoExecute", "seconds": 60}],
    "spot": "gke",
    "cache": "nasflow-cache",
    "image_pull_secrets": ["registry"],
    "secrets": {"nasflow-s3": {"AWS_ACCESS_KEY_ID": "accesskey"}},
    "secret_files": {"ca": "/ca"},
    "env": {"AWS_CA_BUNDLE": "/ca/ca.crt"},
    "annotations": {"example.com/why": "a search"},
    "steps": {"train_final": {"spot": "never", "labels": {"a": "b"}}},
}


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in nested data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def answer(text: str) -> list[str]:
    try:
        parse_config(text, "s.yaml")
    except ConfigError as error:
        return list(error.problems)
    return []


def check(problems: list[str]) -> None:
    for problem in problems:
        assert problem.startswith("s.yaml")
        assert problem.endswith((".", "?", "!")), problem
        assert "\n" not in problem
        assert "pydantic" not in problem
        assert len(problem) < 600, problem


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_value_anywhere(value: Any) -> None:
    whole = yaml.safe_load(FOLDER)
    whole["strategy"] = {"name": "evolution", "options": {"population_size": 8}}
    whole["space"]["choices"] = {"activation": ["relu"]}
    whole["resources"] = RESOURCES
    for path in list(places(whole)):
        data = yaml.safe_load(yaml.safe_dump(whole))
        inner = data
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value
        problems = answer(yaml.safe_dump(data))
        check(problems)
        try:
            config_from(data)
        except ConfigError:
            assert problems
        else:
            assert not problems


def test_damaged_text() -> None:
    rng = random.Random(7)
    characters = "\t\n :-[]{}'\"#&*!|>%@`,?\\\x00\x85é0a"
    for _ in range(400):
        text = list(FOLDER)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text))
            text[place : place + rng.randint(0, 3)] = rng.choice(characters)
        check(answer("".join(text)))
