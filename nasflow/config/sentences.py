"""Turning the errors of pydantic into sentences that tell a user what to change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nasflow.config.base import Section
from nasflow.config.fields import annotation_at, bounds, either, field_at, homes, section_at, wanted
from nasflow.config.lines import Document, Path, dotted, value_at
from nasflow.plugins import nearest

_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: Where.
        text: The sentence, with the field's name and without file and line.
    """

    path: Path
    text: str


def problems_of(error: ValidationError, model: type[BaseModel], document: Document, base: Path = ()) -> list[Problem]:
    """Turn a validation error into problems, one for each value that is wrong.

    Args:
        error: What validating `model` against the data at `base` gave.
        model: The model.
        document: The whole configuration.
        base: Where the model's data stand in it.
    """
    grouped: dict[Path, list[tuple[Path, ErrorDetails]]] = {}
    root = _at(document.data, base)
    for details in error.errors(include_url=False):
        path, tail = _resolved(root, details["loc"])
        if details["type"] == "missing":
            path, tail = (*path, *tail), ()
        grouped.setdefault(path, []).append((tail, details))
    writer = _Writer(model, document, base)
    return [Problem((*base, *path), finished(writer.sentence(path, found))) for path, found in grouped.items()]


def finished(text: str) -> str:
    """Return a sentence with its full stop."""
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def shown(value: object, raw: str | None = None) -> str:
    """Return a value as messages show it; what YAML made of a bare word is said."""
    match value:
        case None:
            return "nothing"
        case bool():
            text = raw if raw is not None else str(value).lower()
            read = str(value).lower()
            return text if text.lower() == read else f"{text} (which YAML reads as {read})"
        case str():
            return f"'{value}'" if len(value) <= 60 else f"'{value[:57]}...'"
        case Mapping():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return raw if raw is not None else str(value)


@dataclass(frozen=True)
class _Writer:
    """Writes the sentence for one value of a model."""

    model: type[BaseModel]
    document: Document
    base: Path

    def sentence(self, path: Path, found: list[tuple[Path, ErrorDetails]]) -> str:
        """Write about all errors of one value; the members of a union complain one by one."""
        tail, details = found[0]
        name = dotted((*self.base, *path))
        raw = self.document.raw.get((*self.base, *path))
        kind, value = details["type"], details["input"]
        if kind == "missing":
            return self._missing(path)
        if kind == "extra_forbidden":
            return self._unknown(path)
        if tail and tail[-1] == "[key]":
            valid = re.findall(r"'([^']*)'", details.get("ctx", {}).get("expected", ""))
            return self._no_field(path[:-1], str(path[-1]) if path else str(tail[0]), valid)
        if kind in ("value_error", "assertion_error") or not _is_standard(kind):
            return self._own_words(path, details)
        ranged = [d for _, d in found if d["type"] in _RANGE]
        if ranged:
            return self._range(path, ranged[0])
        if value is None:
            return self._nothing(path)
        if kind in ("too_short", "too_long"):
            limits = details["ctx"]
            least = "at least" if kind == "too_short" else "at most"
            count = limits.get("min_length", limits.get("max_length"))
            return f"{name} needs {least} {count} {'entry' if count == 1 else 'entries'}, not {limits['actual_length']}"
        if kind == "finite_number":
            return f"{name} must be a finite number, not {shown(value, raw)}"
        return self._type(path, details, raw)

    def _type(self, path: Path, details: ErrorDetails, raw: str | None) -> str:
        value = details["input"]
        annotation = annotation_at(self.model, path)
        want = wanted(annotation)
        if want == "something else":
            text = details["msg"][:1].lower() + details["msg"][1:]
            return f"{dotted((*self.base, *path))}: {text}, not {shown(value, raw)}"
        sentence = f"{dotted((*self.base, *path))} must be {want}, not {shown(value, raw)}"
        if want == "text" and not isinstance(value, str | Mapping | list):
            sentence += f"; put it in quotes: '{raw if raw is not None else value}'"
        choices = re.findall(r"'([^']*)'", want)
        if want == "a list":
            sentence += f"; write [{raw or value}]" if isinstance(value, str | int | float) else ""
        close = nearest(value, choices) if isinstance(value, str) else ""
        return f"{sentence}.{close}" if close else sentence

    def _range(self, path: Path, details: ErrorDetails) -> str:
        info = field_at(self.model, path)
        words, low, high = bounds(info) if info is not None else ("", None, None)
        if not words:
            phrase = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
            words = " and ".join(f"{phrase[key]} {limit}" for key, limit in details["ctx"].items() if key in phrase)
        value = details["input"]
        sentence = f"{dotted((*self.base, *path))} must be {words}, not {value}"
        if low is None or high is None:
            return sentence
        return f"{sentence}; the nearest valid value is {low if float(value) < low else high}"

    def _missing(self, path: Path) -> str:
        info = field_at(self.model, path)
        about = _first_sentence(info.description) if info is not None and info.description else ""
        about = about.replace("`", "'")
        return f"{dotted((*self.base, *path))} is missing{': ' + about[:1].lower() + about[1:] if about else ''}"

    def _nothing(self, path: Path) -> str:
        name = dotted((*self.base, *path))
        if section_at(self.model, path) is not None:
            if not (*self.base, *path):
                return "there is nothing in it"
            return f"{name} is empty; indent its fields beneath it, or remove the line"
        return f"{name} has no value; give {wanted(annotation_at(self.model, path))}, or remove the line"

    def _unknown(self, path: Path) -> str:
        key = str(path[-1])
        section = section_at(self.model, path[:-1])
        if section is not None and issubclass(section, Section) and (instead := section.set_elsewhere(key)):
            return f"{dotted((*self.base, *path[:-1]))} has no field '{key}': {instead}"
        return self._no_field(path[:-1], key, list(section.model_fields) if section is not None else [])

    def _no_field(self, path: Path, key: str, valid: Iterable[str]) -> str:
        valid = list(valid)
        owner = dotted((*self.base, *path))
        sentence = f"{owner} has no field '{key}'" if owner else f"a search has no section '{key}'"
        elsewhere = [] if self.base else [home for home in homes(self.model, key) if home != owner]
        if elsewhere and key not in ("name", "options"):
            owners = either([f"'{home}'" for home in elsewhere])
            return f"{sentence}; it belongs to {owners}"
        close = nearest(key, valid)
        if close or not valid:
            return f"{sentence}.{close}" if close else f"{sentence}; there are none to set"
        return f"{sentence}; it has {', '.join(valid)}"

    def _own_words(self, path: Path, details: ErrorDetails) -> str:
        """Use the words of a model's own validator."""
        name = dotted((*self.base, *path))
        text = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        if details["type"] == "number_type":
            return self._type(path, details, self.document.raw.get((*self.base, *path)))
        if not name:
            return text
        section = section_at(self.model, path)
        first = re.split(r"[\s.:,]", text, maxsplit=1)[0]
        if section is not None and first in section.model_fields:
            return f"{name}.{text}"
        return f"{name} {text}" if re.match(r"(must|needs|is|has|cannot|may)\b", text) else f"{name}: {text}"


def _is_standard(kind: str) -> bool:
    """Whether an error is one of pydantic's own about types and ranges, not one of a model's validator."""
    ends = ("_type", "_parsing", "_error", "_short", "_long", "_number", "_from_float")
    return kind != "number_type" and (kind in _RANGE or kind.endswith(ends))


def _resolved(data: Any, loc: tuple[int | str, ...]) -> tuple[Path, Path]:
    """Cut an error's location into the part that exists in the data, and the rest."""
    for place, part in enumerate(loc):
        inside = (isinstance(data, Mapping) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if not inside:
            return tuple(loc[:place]), tuple(loc[place:])
        data = data[part]
    return tuple(loc), ()


def _at(data: Any, path: Path) -> Any:
    try:
        return value_at(data, path)
    except LookupError:
        return None


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.;])\s", text.replace("\n", " "), maxsplit=1)[0].rstrip(".;")
