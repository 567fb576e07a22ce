"""Looking up fields and saying what they want."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from nasflow.config import BudgetConfig, SearchConfig, Section, TrainingConfig
from nasflow.config.fields import bounds, either, field_at, homes, section_at, wanted


class Inner(Section):
    """A section."""

    depth: int = Field(default=3, ge=1, lt=9)
    rate: float | None = Field(default=None, gt=0)
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    free: int = 0


class Outer(Section):
    """Sections in lists and mappings."""

    many: list[Inner] = []
    named: dict[str, Inner] = {}
    maybe: Inner | None = None


def test_sections_are_found_by_path() -> None:
    assert section_at(SearchConfig, ()) is SearchConfig
    assert section_at(SearchConfig, ("training",)) is TrainingConfig
    assert section_at(SearchConfig, ("seed",)) is None
    assert section_at(SearchConfig, ("nowhere", "at", "all")) is None
    for path in (("many", 0), ("named", "x"), ("maybe",)):
        assert section_at(Outer, path) is Inner


def test_fields_are_found_by_path() -> None:
    assert field_at(SearchConfig, ("budget", "trials")) is BudgetConfig.model_fields["trials"]
    assert field_at(Outer, ("many", 3, "depth")) is Inner.model_fields["depth"]
    assert field_at(Outer, ("many", 3)) is None
    assert field_at(SearchConfig, ()) is None


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (float | None, "a number"),
        (float | Literal["reference"] | None, "a number or 'reference'"),
        (Literal["a", "b", "c"], "'a', 'b' or 'c'"),
        (list[int], "a list"),
        (tuple[int, ...], "a list"),
        (dict[str, int], "a mapping of names to values"),
        (Inner, "a mapping of names to values"),
        (Annotated[bool, Field()], "true or false"),
        (str | int | float | bool, "text, a whole number, a number or true or false"),
        (object, "something else"),
    ],
)
def test_wanted_says_what_a_type_takes(annotation: object, words: str) -> None:
    assert wanted(annotation) == words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("depth", ("between 1 and 8", 1, 8)),
        ("rate", ("above 0", None, None)),
        ("share", ("between 0 and 1", 0, 1)),
        ("free", ("", None, None)),
    ],
)
def test_bounds_of_a_field(name: str, expected: tuple[str, float | None, float | None]) -> None:
    assert bounds(Inner.model_fields[name]) == expected


def test_homes_are_all_sections_with_that_field() -> None:
    assert homes(SearchConfig, "epochs") == ["fidelity", "final"]
    assert homes(SearchConfig, "trials") == ["budget"]
    assert homes(SearchConfig, "nothing") == []


def test_either_joins_as_people_do() -> None:
    assert either(["a"]) == "a"
    assert either(["a", "b"]) == "a or b"
    assert either(["a", "b", "c"]) == "a, b or c"
