"""Looking up fields of nested models, and saying what a field wants."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nasflow.config.lines import Path


def section_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Return the model of the section at a path, or None where no section stands."""
    found: Any = model
    for part in path:
        found = _inside(found, part)
    return next((kind for kind in _kinds(found) if _is_section(kind)), None)


def field_at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """Return the field at a path, or None where the path leads to no field (an item of a list, say)."""
    section = section_at(model, path[:-1]) if path else None
    return section.model_fields.get(str(path[-1])) if section is not None else None


def annotation_at(model: type[BaseModel], path: Path) -> Any:
    """Return the type of the value at a path; None where it is unknown."""
    found: Any = model
    for part in path:
        found = _inside(found, part)
    return found


def homes(model: type[BaseModel], key: str) -> list[str]:
    """Return the names of the sections that have a field of that name."""
    return [
        name
        for name, info in model.model_fields.items()
        for kind in _kinds(info.annotation)
        if _is_section(kind) and key in kind.model_fields
    ]


def wanted(annotation: Any) -> str:
    """Say what values a type takes: "a whole number", "'sgd' or 'adamw'"."""
    phrases = list(dict.fromkeys(phrase for kind in _kinds(annotation) for phrase in _phrases(kind)))
    return either(phrases) or "something else"


def either(phrases: list[str]) -> str:
    """Join phrases: "a, b or c"."""
    return " or ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)


def bounds(info: FieldInfo) -> tuple[str, float | None, float | None]:
    """Say in what range a field's numbers lie.

    Returns:
        The range in words, as in "between 8 and 224" (empty where there is none), and the least and greatest valid
        values, None where there is no such value.
    """
    low = high = above = below = None
    for limit in _limits(info):
        low = limit.ge if isinstance(limit, annotated_types.Ge) else low
        above = limit.gt if isinstance(limit, annotated_types.Gt) else above
        high = limit.le if isinstance(limit, annotated_types.Le) else high
        below = limit.lt if isinstance(limit, annotated_types.Lt) else below
    if int in _kinds(info.annotation) and isinstance(below, int):
        high, below = below - 1, None
    if low is not None and high is not None:
        return f"between {low} and {high}", low, high  # type: ignore[return-value]  # limits are numbers here
    words = [f"at least {low}"] if low is not None else []
    words += [f"above {above}"] if above is not None else []
    words += [f"at most {high}"] if high is not None else []
    words += [f"below {below}"] if below is not None else []
    return " and ".join(words), low, high  # type: ignore[return-value]


def _limits(info: FieldInfo) -> Iterator[Any]:
    """Yield the limits of a field, written as `Field(ge=...)` or inside `Annotated`."""
    pending = [*info.metadata, *(m for kind in get_args(info.annotation) for m in getattr(kind, "__metadata__", ()))]
    for item in pending:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        elif isinstance(item, annotated_types.GroupedMetadata):
            yield from item
        else:
            yield item


def _kinds(annotation: Any) -> list[Any]:
    """Return the members of a union, None left out; a plain type is a union of one."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [kind for member in get_args(annotation) for kind in _kinds(member)]
    return [] if annotation is None or annotation is type(None) else [annotation]


def _inside(annotation: Any, part: str | int) -> Any:
    for kind in _kinds(annotation):
        if _is_section(kind):
            info = kind.model_fields.get(str(part))
            return info.annotation if info is not None else None
        if get_origin(kind) is dict:
            return get_args(kind)[1]
        if get_origin(kind) in (list, tuple):
            return get_args(kind)[0]
    return None


def _phrases(kind: Any) -> list[str]:
    plain = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    if kind in plain:
        return [plain[kind]]
    if get_origin(kind) is Literal:
        return [f"'{value}'" if isinstance(value, str) else str(value) for value in get_args(kind)]
    if kind in (list, tuple) or get_origin(kind) in (list, tuple):
        return ["a list"]
    if _is_section(kind) or kind is dict or get_origin(kind) is dict:
        return [*(["text"] if getattr(kind, "bare", None) else []), "a mapping of names to values"]
    return []


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
