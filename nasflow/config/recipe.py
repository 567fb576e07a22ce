"""Training settings as choices of the space: the section `space.recipe`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from nasflow.config.base import Section
from nasflow.config.fields import bounds, field_at, section_at, wanted
from nasflow.config.lines import Path
from nasflow.config.training import TrainingConfig
from nasflow.plugins import nearest

Scalar = str | int | float | bool

_DIGITS = 4
"""Significant digits of the values of a range, so that people can read and repeat them."""


class RangeConfig(Section):
    """Evenly spaced values between two limits."""

    low: float
    """The smallest value."""

    high: float
    """The largest value."""

    log: bool = False
    """Whether the values are evenly spaced on a logarithmic scale."""

    steps: int = Field(default=8, ge=2, le=100)
    """How many values there are."""

    @model_validator(mode="after")
    def _rises(self) -> RangeConfig:
        if self.low >= self.high:
            raise ValueError(f"`low` must be below `high`, not {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"`low` must be above 0 where `log` is true, not {self.low:g}")
        return self

    def values(self, whole: bool) -> tuple[Scalar, ...]:
        """Return the values, rounded to four significant digits, or to whole numbers; each once."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        places = (low + (high - low) * i / (self.steps - 1) for i in range(self.steps))
        plain = [math.exp(place) if self.log else place for place in places]
        return tuple(dict.fromkeys(round(v) if whole else float(f"{v:.{_DIGITS}g}") for v in plain))


@dataclass(frozen=True)
class RecipeChoice:
    """A training setting that is searched.

    Attributes:
        name: The field in `training`, with the value that it hangs on behind it where it does: `momentum:sgd`.
        field: The field alone.
        values: Its values, the first one the default.
        parent: The field that it hangs on, or None.
        when: The value of that field for which it is chosen.
    """

    name: str
    field: str
    values: tuple[Scalar, ...]
    parent: str | None = None
    when: tuple[Scalar, ...] = ()


@dataclass(frozen=True)
class RecipeProblem:
    """What is wrong at a place of `space.recipe`, in one sentence."""

    path: Path
    text: str


def recipe_choices(recipe: Mapping[str, Any]) -> list[RecipeChoice]:
    """Return the choices that a recipe offers, each after the one that it hangs on.

    Args:
        recipe: As `SpaceConfig.recipe` has it, and without problems.
    """
    return [found for found in _read(recipe) if isinstance(found, RecipeChoice)]


def recipe_problems(recipe: Mapping[str, Any]) -> list[RecipeProblem]:
    """Return everything that is wrong with a recipe, as `SpaceConfig.recipe` has it."""
    found = list(_read(recipe))
    problems = [problem for problem in found if isinstance(problem, RecipeProblem)]
    parents: dict[str, str | None] = {}
    for choice in found:
        if isinstance(choice, RecipeChoice):
            other = parents.setdefault(choice.field, choice.parent)
            if other != choice.parent or choice.field == choice.parent:
                problems.append(_twice(choice, other))
    return problems


def _twice(choice: RecipeChoice, other: str | None) -> RecipeProblem:
    path: Path = (choice.field,) if choice.parent is None else (choice.parent, str(choice.when[0]), choice.field)
    elsewhere = "by itself" if other is None else f"with the values of '{other}'"
    return RecipeProblem(
        path,
        f"{_shown(path)} may be chosen {elsewhere} at the same time, and a training has one {choice.field}; keep one.",
    )


def recipe_field(name: str) -> str:
    """Return the field in `training` that a choice sets: `momentum` for `momentum:sgd`."""
    return name.partition(":")[0]


def _fields(model: type[BaseModel] = TrainingConfig, above: str = "") -> list[str]:
    """Return the names of all settings that have one value."""
    names: list[str] = []
    for name in model.model_fields:
        inner = section_at(model, (name,))
        names += _fields(inner, f"{above}{name}.") if inner is not None else [above + name]
    return names


def _read(
    recipe: Mapping[str, Any], parent: str | None = None, value: Scalar | None = None, key: str = ""
) -> Iterator[RecipeChoice | RecipeProblem]:
    """Yield choices and problems; `parent` and `value` are what all hang on, `key` how that value is written."""
    at: Path = () if parent is None else (parent, key)
    for field, offered in recipe.items():
        path = (*at, field)
        if field not in _fields():
            yield RecipeProblem(path, _unknown(path, field))
            continue
        values, wrong = _values(field, offered)
        yield from (RecipeProblem(path, f"{_shown(path)} {text}") for text in wrong)
        if parent is None:
            yield RecipeChoice(field, field, values)
        else:
            yield RecipeChoice(f"{field}:{value}", field, values, parent, (value,) if value is not None else ())
        if wrong or not isinstance(offered, Mapping) or _is_range(offered):
            continue
        if parent is not None:
            yield RecipeProblem(path, f"{_shown(path)} hangs on a choice already; give a plain list of values.")
            continue
        for own, (written, below) in zip(values, offered.items(), strict=True):
            if below is not None and not isinstance(below, Mapping):
                text = f"{_shown((*path, str(written)))} must map further settings to their values, or be empty."
                yield RecipeProblem((*path, str(written)), text)
                continue
            yield from _read(below or {}, field, own, str(written))


def _values(field: str, offered: Any) -> tuple[tuple[Scalar, ...], list[str]]:
    """Return the values of a choice as a training has them, and what is wrong with them."""
    if _is_range(offered):
        try:
            return _checked(field, RangeConfig.model_validate(offered).values(_is_whole(field)))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            said = first["msg"].removeprefix("Value error, ")
            return (), [f"is no range: {place + ': ' if place else ''}{said}; write {{low, high, log, steps}}."]
    values = list(offered) if isinstance(offered, list | Mapping) else None
    if not values or not all(isinstance(value, str | int | float | bool) for value in values):
        return (), ["needs a list of values, or a range {low, high, log, steps}."]
    return _checked(field, values, written=isinstance(offered, Mapping))


def _is_range(offered: Any) -> bool:
    return isinstance(offered, Mapping) and bool({"low", "high"} & set(offered))


def _is_whole(field: str) -> bool:
    info = field_at(TrainingConfig, tuple(field.split(".")))
    return info is not None and wanted(info.annotation) == "a whole number"


def _checked(field: str, values: Iterable[Scalar], *, written: bool = False) -> tuple[tuple[Scalar, ...], list[str]]:
    """Return values as a training has them; `written` says that they are keys, which are texts in YAML."""
    info = field_at(TrainingConfig, tuple(field.split(".")))
    wants = " ".join(part for part in (wanted(info.annotation), bounds(info)[0]) if part) if info else "a value"
    found: list[Scalar] = []
    wrong: list[str] = []
    for value in values:
        valid = _valid(value, field)
        if valid is None or (isinstance(value, bool) != isinstance(valid, bool) and not written):
            wrong.append(f"must offer {wants}, not {value!r}.")
        elif (isinstance(valid, bool), valid) in [(isinstance(one, bool), one) for one in found]:
            wrong.append(f"lists a value twice: {valid!r}; keep one.")
        else:
            found.append(valid)
    return tuple(found), wrong


def _valid(value: Scalar, field: str) -> Scalar | None:
    """Return a value as the field has it, None where it cannot have it."""
    try:
        found: Any = TrainingConfig().with_choices({field: value})
    except ValidationError:
        return None
    for part in field.split("."):
        found = getattr(found, part)
    valid: Scalar | None = found
    return valid


def _unknown(path: Path, field: str) -> str:
    known = ", ".join(_fields())
    return f"{_shown(path)} is no training setting; there are {known}.{nearest(field, _fields())}"


def _shown(path: Path) -> str:
    return ".".join(["space.recipe", *map(str, path)])
