"""Whether an image can run a search: the plugins that the search uses, held against the image's labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points, version

from nasflow.config import SearchConfig, split_source
from nasflow.errors import UserError
from nasflow.pipelines.search.contents import PLUGINS, VERSION
from nasflow.plugins import Group, names

_KINDS: dict[Group, str] = {
    "families": "family",
    "tasks": "task",
    "strategies": "strategy",
    "objectives": "objective",
    "sources": "source",
    "storages": "storage",
}


def used(config: SearchConfig) -> Iterator[tuple[Group, str]]:
    """Yield the plugins that a search uses, by group and name."""
    yield "families", config.space.family
    yield "tasks", config.task.name
    yield "strategies", config.strategy.name
    own = names("objectives")
    for objective in config.objectives:
        if objective.name in own:  # others are metrics of the task
            yield "objectives", objective.name
    yield "sources", split_source(config.data.source)[0]
    scheme, marked, _ = config.storage.url.partition("://")
    yield "storages", scheme.lower() if marked else "file"


def check_covered(config: SearchConfig, image: str, labels: Mapping[str, str]) -> list[str]:
    """Refuse an image that lacks what a search uses; return notes on what could not be told.

    Args:
        config: The search.
        image: Name of the image.
        labels: Of the image.

    Raises:
        UserError: It lacks a plugin.
    """
    told = labels.get(PLUGINS)
    if told is None:
        return [
            f"{image} has no label {PLUGINS}, so that nobody can tell from here whether it has what the search uses; "
            "'make image' and 'nasflow image' set it."
        ]
    try:
        has = {group: set(each) for group, each in json.loads(told).items()}
    except (ValueError, AttributeError, TypeError):
        return [f"the label {PLUGINS} of {image} cannot be read, so that it was not looked at; build the image again."]
    missing = [(group, name) for group, name in used(config) if name not in has.get(f"nasflow.{group}", ())]
    if missing:
        raise UserError(_lacks(image, missing))
    theirs, ours = labels.get(VERSION), version("nasflow")
    if theirs != ours:
        return [f"{image} has nasflow {theirs or 'of unknown version'}, and here is {ours}: results may differ."]
    return []


def _lacks(image: str, missing: list[tuple[Group, str]]) -> str:
    parts = [f"{_KINDS[group]} '{name}'" for group, name in missing]
    packages = dict.fromkeys(_package(group, name) for group, name in missing)
    given = " ".join(f"--with {package}" for package in packages)
    return (
        f"{image} has no {' and no '.join(parts)}: build an image that has, with 'nasflow image {given}', or name "
        "another one with --image."
    )


def _package(group: Group, name: str) -> str:
    """Return the package that provides a plugin here."""
    found = next((each for each in entry_points(group=f"nasflow.{group}") if each.name == name), None)
    own = found.dist.name if found is not None and found.dist is not None else None
    return own if own is not None and own != "nasflow" else "PACKAGE_OR_WHEEL"
