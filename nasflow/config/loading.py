"""From a YAML file to a validated configuration, or to everything that is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nasflow.config import lines
from nasflow.config.checks import clashes
from nasflow.config.lines import Document, YamlError, read_yaml, value_at
from nasflow.config.model import SearchConfig
from nasflow.config.parts import part_problems
from nasflow.config.sentences import Problem, problems_of, shown
from nasflow.errors import ConfigError
from nasflow.passwords import without_logins

_MAX_BYTES = 1 << 20


def load_config(path: str | Path) -> SearchConfig:
    """Read and validate the configuration in a file.

    Args:
        path: A YAML file in UTF-8.

    Raises:
        ConfigError: The file cannot be read or says something wrong; every problem is a sentence with its line.
    """
    return parse_config(_text_of(Path(path)), str(path))


def parse_config(text: str, origin: str) -> SearchConfig:
    """Validate a configuration written in YAML.

    Args:
        text: YAML.
        origin: Where it came from, for messages; a file's name.

    Raises:
        ConfigError: With all problems, in the order of the text.
    """
    try:
        document = read_yaml(text)
    except YamlError as error:
        raise ConfigError([f"{_place(origin, error.line)}: {error.text}."]) from error
    if document.data is None:
        raise ConfigError([f"{origin}: there is nothing in it; write one with 'nasflow new my-search'."])
    if not isinstance(document.data, dict):
        found = shown(document.data)
        raise ConfigError([f"{origin}: must hold sections like 'name: …' and 'data: …', not {found}."])
    return _validated(document, origin)


def config_from(mapping: Mapping[str, Any]) -> SearchConfig:
    """Validate a configuration given as nested mappings.

    Raises:
        ConfigError: With all problems, in the order of the mapping.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError([f"a configuration must be a mapping of sections, not {shown(mapping)}."])
    return _validated(Document(dict(mapping)), "")


def _validated(document: Document, origin: str) -> SearchConfig:
    found = [(line, text) for line, text in document.faults]
    problems: list[Problem] = []
    config: SearchConfig | None = None
    try:
        config = SearchConfig.model_validate(document.data, context={"clashes": False})
    except ValidationError as error:
        problems = problems_of(error, SearchConfig, document)
        config = _what_remains(document.data, problems)
    if config is not None:
        problems += _second_look(config, document, [problem.path for problem in problems])
    problems.sort(key=lambda problem: document.line(problem.path) or 0)
    if not problems and not found and config is not None:
        return config
    placed = [*found, *((document.line(problem.path), problem.text) for problem in problems)]
    placed.sort(key=lambda entry: entry[0] or 0)
    raise ConfigError(
        [f"{_place(origin, line)}: {without_logins(text)}" if origin else without_logins(text) for line, text in placed]
    )


def _second_look(config: SearchConfig, document: Document, broken: list[lines.Path]) -> list[Problem]:
    """Check plugins and combinations, leaving out whatever depends on a value that is broken already."""
    found = [
        problem for problem in part_problems(config, document) if not any(_related(problem.path, b) for b in broken)
    ]
    for clash in clashes(config):
        if not any(_related(path, b) for path in (clash.path, *clash.others) for b in broken):
            found.append(Problem(clash.path, clash.text))
    return found


def _related(path: lines.Path, broken: lines.Path) -> bool:
    """Whether one path leads to, or through, the other."""
    shared = min(len(path), len(broken))
    return path[:shared] == broken[:shared]


def _what_remains(data: Mapping[str, Any], problems: Iterable[Problem]) -> SearchConfig | None:
    """Return the configuration without its broken values, so that the rest can be checked too; None if that fails."""
    rest = deepcopy(dict(data))
    for problem in problems:
        _remove(rest, problem.path)
    rest.setdefault("name", "unnamed")
    if not isinstance(rest.get("data"), str) and "source" not in rest.setdefault("data", {}):
        rest["data"]["source"] = "./unnamed"
    try:
        return SearchConfig.model_validate(rest, context={"clashes": False})
    except ValidationError:
        return None


def _remove(data: dict[str, Any], path: lines.Path) -> None:
    """Remove a value; what stands in a list takes the whole list with it, so that places stay right."""
    places = [n for n, part in enumerate(path) if isinstance(part, int)]
    path = path[: places[0]] if places else path
    try:
        parent = value_at(data, path[:-1])
    except LookupError:
        return
    if path and isinstance(parent, dict):
        parent.pop(path[-1], None)


def _place(origin: str, line: int | None) -> str:
    return f"{origin}, line {line}" if line is not None else origin


def _text_of(path: Path) -> str:
    try:
        size = path.stat().st_size
        if path.is_dir():
            inside = sorted(p.name for p in path.iterdir() if p.suffix in (".yaml", ".yml"))
            hint = f", as in '{path / inside[0]}'" if inside else ""
            raise ConfigError([f"{path} is a folder; name the YAML file in it{hint}."])
        if size > _MAX_BYTES:
            raise ConfigError([f"{path} has {size / 1e6:.1f} MB; a search is described in a page or two of YAML."])
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError([f"{path}: there is no such file.{_nearest_file(path)}"]) from error
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror or error}."]) from error
    except ValueError as error:  # a null byte in the name
        raise ConfigError([f"{str(path)!r} is no name of a file."]) from error
    return _decoded(content, path)


def _decoded(content: bytes, path: Path) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError([f"{path} is encoded in UTF-16; save it as UTF-8."])
    if b"\0" in content:
        raise ConfigError([f"{path} is a binary file, not YAML."])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}, line {line}: is not encoded in UTF-8; save the file as UTF-8."]) from error


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f" The folder '{path.parent}' does not exist."
    others = [p.name for p in path.parent.iterdir() if p.is_file()]
    close = difflib.get_close_matches(path.name, [n for n in others if n.endswith((".yaml", ".yml"))] or others, n=1)
    return f" Did you mean '{path.parent / close[0]}'?" if close else ""
