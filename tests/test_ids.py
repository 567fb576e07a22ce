"""Identifiers are stable: over processes, key orders, releases."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from nasflow.ids import canonical_json, digest, seed_of


def test_canonical_json_is_one_text() -> None:
    first = {"b": [1, 2.5, True, None, "ü"], "a": {"y": 1, "x": 2}}
    second = {"a": {"x": 2, "y": 1}, "b": [1, 2.5, True, None, "ü"]}
    assert canonical_json(first) == canonical_json(second) == '{"a":{"x":2,"y":1},"b":[1,2.5,true,null,"ü"]}'


def test_what_is_different_has_another_text() -> None:
    values = [1, 1.0, True, "1", [1], {"1": 1}, None, "", [], {}]
    assert len({canonical_json(value) for value in values}) == len(values)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}])
def test_nan_and_infinity_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"a": {(1, 2): 3}}])
def test_what_json_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_digests_stand_for_ever() -> None:
    """Stores hold results under digests, and searches go on with seeds: neither may change."""
    assert digest({"a": 1}) == "10a7ff3e312baec0"
    assert digest({"a": 1}, length=8) == digest({"a": 1})[:8]
    assert seed_of("strategy", 0, 0, 8) == 3105006841858993054


def test_seeds_fit_and_differ() -> None:
    seeds = {seed_of("trial", number) for number in range(2_000)}
    assert len(seeds) == 2_000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**62
    assert seed_of("a", "b") != seed_of("ab")


def test_another_process_finds_the_same() -> None:
    """Python's own `hash` would not."""
    program = "from nasflow.ids import digest; print(digest({'x': ['a', 1]}))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == digest({"x": ["a", 1]})
