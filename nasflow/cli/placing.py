"""Where in the YAML file the mistake stands that was found only when the data or the space were looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.config.lines import Document, YamlError, read_yaml
from nasflow.errors import ConfigError, DataError, SpaceError

_FIELD = re.compile(r"[a-z_]+(?:\.[a-z_]+|\[\d+\])*")
_PART = re.compile(r"[a-z_]+|\d+")


@contextmanager
def placed(path: Path) -> Iterator[None]:
    """Put file and line in front of what is wrong with data, space or configuration.

    Args:
        path: The search's YAML file, which was read without fault.
    """
    try:
        yield
    except (DataError, SpaceError) as error:
        raise type(error)(_placed(path, str(error), "data" if isinstance(error, DataError) else "space")) from error
    except ConfigError as error:
        raise ConfigError([_placed(path, problem, "") for problem in error.problems]) from error


def _placed(path: Path, text: str, section: str) -> str:
    try:
        document = read_yaml(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, YamlError):
        return text  # it was changed meanwhile
    line = _line(document, text, section)
    return text if line is None else f"{path}, line {line}: {text}"


def _line(document: Document, text: str, section: str) -> int | None:
    """Return the line of the field that a sentence begins with, or that of the section it is about."""
    found = _FIELD.match(text)
    parts = tuple(int(part) if part.isdigit() else part for part in _PART.findall(found.group())) if found else ()
    named = len(parts) > 1 or (found is not None and text[found.end() :].startswith(":"))
    if named and parts[0] in SearchConfig.model_fields:
        return document.line(parts)
    return document.line((section,)) if section else None
