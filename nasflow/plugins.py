"""Finding strategies, families, tasks, sources, objectives and storages by name, through entry points."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from nasflow.errors import PluginError

Group = Literal["strategies", "families", "tasks", "sources", "objectives", "storages"]


def nearest(value: object, valid: Iterable[object]) -> str:
    """Return `" Did you mean 'x'?"` for the valid choice closest to `value`, or `""` where none is close."""
    choices = {str(v).lower(): v for v in valid}
    close = difflib.get_close_matches(str(value).lower(), choices, n=1, cutoff=0.5)
    return f" Did you mean '{choices[close[0]]}'?" if close else ""


@cache
def _entries(group: Group) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"nasflow.{group}")}


def names(group: Group) -> list[str]:
    """Return the names that installed packages provide in a group, sorted."""
    return sorted(_entries(group))


@cache
def load(group: Group, name: str) -> Any:
    """Import what an installed package provides under a name.

    Args:
        group: Which kind of part.
        name: Its name, as written in the configuration.

    Raises:
        PluginError: No package provides that name, or importing it fails.
    """
    entries = _entries(group)
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none (is nasflow installed?)"
        raise PluginError(f"'{name}' is none of the known {group}: {known}.{nearest(name, entries)}")
    entry = entries[name]
    try:
        return entry.load()
    except Exception as error:
        raise PluginError(
            f"the {group} entry '{name}' ({entry.value}) cannot be imported: {type(error).__name__}: {error}."
        ) from error
