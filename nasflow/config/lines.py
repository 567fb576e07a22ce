"""YAML text as data, with the line that every value stands on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
"""Keys and list places that lead to a value, as in `("objectives", 1, "less_than")`."""

_MAX_VALUES = 20_000

# What the parser says, and what a reader can do about it; the first that fits is used.
_SYNTAX = (
    (r"found character '\\t'", "a tab stands where YAML wants spaces"),
    (r"mapping values are not allowed", "a second ':' on the line; put the value in quotes, or check the indentation"),
    (r"while scanning a quoted scalar", "the quote that opens here is never closed"),
    (r"unknown escape character", "a backslash in double quotes; use single quotes, or / in paths"),
    (r"expected ',' or '\]'", "the '[' that opens here is never closed, or a comma is missing"),
    (r"expected ',' or '\}'", "the '{' that opens here is never closed, or a comma is missing"),
    (r"could not find expected ':'", "a key without ':' behind it"),
    (r"expected <block end>", "the indentation does not fit the lines above"),
    (r"found undefined alias", "'*' starts a reference to an anchor that does not exist; put the value in quotes"),
    (r"expected a single document", "a second document begins with '---'; keep one document in the file"),
    (r"found character '[@`%]'", "a value may not begin with @, ` or %; put it in quotes"),
    (r"could not determine a constructor for the tag", "tags such as !name are not supported; leave the tag out"),
)


class YamlError(ValueError):
    """The text is no YAML that can be read.

    Attributes:
        line: Number of the line, from 1, or None.
        text: What is wrong, as the rest of a sentence.
    """

    def __init__(self, line: int | None, text: str) -> None:
        self.line = line
        self.text = text
        super().__init__(text)


@dataclass
class Document:
    """What a YAML text says, and where.

    Attributes:
        data: Mappings, lists and scalars.
        lines: Line of every key and list item, from 1.
        raw: What is written for every unquoted scalar, before YAML made a value of it.
        faults: Line and sentence for each thing that YAML accepts and a configuration does not.
    """

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """Return the line of a value, or of the nearest thing around it that has one."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)


def read_yaml(text: str) -> Document:
    """Read YAML, remembering lines.

    Raises:
        YamlError: The text is no YAML, or more than a configuration can be.
    """
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None)
        document = Document(None)
        _Walker(document).visit(node, (), ())
        document.data = _with_text_keys(loader.construct_document(node))
    except yaml.MarkedYAMLError as error:
        raise _syntax_problem(error) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, f"the control character {error.character:#04x} stands in the text") from error
    except RecursionError as error:
        raise YamlError(None, "the values are nested too deeply") from error
    except ValueError as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(None, f"a value cannot be read ({error}); put it in quotes") from error
    finally:
        if loader is not None:
            loader.dispose()
    return document


def _with_text_keys(data: Any) -> Any:
    """Leave out the keys that are no text: each is a fault already."""
    if isinstance(data, dict):
        return {key: _with_text_keys(value) for key, value in data.items() if isinstance(key, str)}
    return [_with_text_keys(value) for value in data] if isinstance(data, list) else data


def _syntax_problem(error: yaml.MarkedYAMLError) -> YamlError:
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    for pattern, text in _SYNTAX:
        if re.search(pattern, said):
            opens = "opens here" in text and error.context_mark is not None
            mark = error.context_mark if opens else mark
            return YamlError(mark.line + 1 if mark else None, text)
    return YamlError(mark.line + 1 if mark else None, f"{said.strip()}")


@dataclass
class _Walker:
    """Fills a document's lines by walking the parsed nodes; aliases are followed, within limits."""

    document: Document
    visited: int = 0

    def visit(self, node: yaml.Node, path: Path, above: tuple[int, ...]) -> None:
        self.visited += 1
        line = node.start_mark.line + 1
        if self.visited > _MAX_VALUES:
            raise YamlError(line, f"the text stands for more than {_MAX_VALUES} values")
        if id(node) in above:
            raise YamlError(line, "the anchor that stands here refers to itself")
        match node:
            case yaml.MappingNode():
                self._mapping(node, path, (*above, id(node)))
            case yaml.SequenceNode():
                for place, item in enumerate(node.value):
                    self.document.lines[(*path, place)] = item.start_mark.line + 1
                    self.visit(item, (*path, place), (*above, id(node)))
            case yaml.ScalarNode() if node.style is None:
                self.document.raw[path] = node.value

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[int, ...]) -> None:
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or key.tag != "tag:yaml.org,2002:str":
                shown = name if name is not None else "a list or mapping"
                self.document.faults.append((line, f"the key {shown} is no text; put it in quotes."))
                continue
            where = dotted((*path, name))
            if name in seen:
                self.document.faults.append((line, f"{where} is given twice, first on line {seen[name]}; keep one."))
                continue
            seen[name] = line
            self.document.lines[(*path, name)] = line
            self.visit(value, (*path, name), above)


def dotted(path: Path) -> str:
    """Return a path as messages show it: `objectives[1].less_than`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def value_at(data: Any, path: Path) -> Any:
    """Return the value at a path of nested mappings and lists.

    Raises:
        LookupError: There is none.
    """
    for part in path:
        if not isinstance(data, Mapping) and not (isinstance(data, list) and isinstance(part, int)):
            raise LookupError(dotted(path))
        data = data[part]  # type: ignore[index]  # mypy does not narrow through the `not`
    return data
