"""Sentences for the errors of models that are not nasflow's own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from nasflow.config import Options
from nasflow.config.lines import Document
from nasflow.config.sentences import finished, problems_of, shown


class Part(Options):
    """Options with everything that may go wrong."""

    sizes: tuple[Annotated[int, Field(ge=1, le=9)], ...] = (1,)
    pair: tuple[int, int] = (1, 2)
    table: dict[str, float] = {}
    kind: Literal["a", "b"] = "a"
    level: Literal[1, 2] = 1
    short: str = Field(default="x", max_length=3)
    even: int = 2
    step: int = Field(default=5, multiple_of=5)

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"must be even, not {value}")
        return value


def sentences(options: dict[str, Any], model: type[BaseModel] = Part) -> list[str]:
    document = Document({"strategy": {"name": "x", "options": options}})
    with pytest.raises(ValidationError) as caught:
        model.model_validate(options)
    return [p.text for p in problems_of(caught.value, model, document, ("strategy", "options"))]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sizes": [3, 12]}, "strategy.options.sizes[1] must be at most 9, not 12."),
        ({"sizes": [3, "x"]}, "strategy.options.sizes[1] must be a whole number, not 'x'."),
        ({"sizes": 3}, "strategy.options.sizes must be a list, not 3; write [3]."),
        ({"table": {"lr": "high"}}, "strategy.options.table.lr must be a number, not 'high'."),
        ({"table": []}, "strategy.options.table must be a mapping of names to values, not a list."),
        ({"kind": "c"}, "strategy.options.kind must be 'a' or 'b', not 'c'."),
        ({"level": 3}, "strategy.options.level must be 1 or 2, not 3."),
        ({"even": 3}, "strategy.options.even must be even, not 3."),
        ({"even": None}, "strategy.options.even has no value; give a whole number, or remove the line."),
        ({"kind": ["a"]}, "strategy.options.kind must be 'a' or 'b', not a list."),
        ({"short": {}}, "strategy.options.short must be text, not a mapping."),
    ],
)
def test_a_sentence_for_each_error(options: dict[str, Any], sentence: str) -> None:
    assert sentences(options) == [sentence]


@pytest.mark.parametrize("options", [{"pair": [1]}, {"short": "long text"}, {"step": 3}])
def test_errors_that_nasflow_does_not_use_still_give_one_sentence(options: dict[str, Any]) -> None:
    (text,) = sentences(options)
    assert text.startswith(f"strategy.options.{next(iter(options))}")
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "raw", "text"),
    [
        (None, None, "nothing"),
        (True, "on", "on (which YAML reads as true)"),
        (False, None, "false"),
        (True, "True", "True"),
        ("ten", None, "'ten'"),
        ("x" * 100, None, "'" + "x" * 57 + "...'"),
        ({"a": 1}, None, "a mapping"),
        ([1], None, "a list"),
        (8, "010", "010"),
        (1.5, None, "1.5"),
    ],
)
def test_values_are_shown_as_written(value: object, raw: str | None, text: str) -> None:
    assert shown(value, raw) == text


def test_sentences_end() -> None:
    assert finished("a ") == "a."
    assert finished("a?") == "a?"
    assert finished("a.") == "a."
