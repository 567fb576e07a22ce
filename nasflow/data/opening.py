"""From the data section of a configuration to a source that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nasflow.config import DataConfig, Options
from nasflow.config.sources import split_source
from nasflow.data.checks import check_classes
from nasflow.data.protocol import Source, Summary
from nasflow.errors import ConfigError, PluginError
from nasflow.plugins import load


@dataclass(frozen=True)
class Found:
    """Data that were looked at and can be learned from.

    Attributes:
        source: Where the samples come from; it knows its files already.
        summary: What it holds, with the size that the configuration asks for.
    """

    source: Source
    summary: Summary


def open_source(config: DataConfig, base: Path) -> Source:
    """Return the source that a configuration names; nothing is read yet.

    Args:
        config: The data section.
        base: Folder that relative paths start at.

    Raises:
        ConfigError: The source's name, its argument or its options are wrong.
        PluginError: The source is installed but broken.
        DataError: The source does not know its argument.
    """
    try:
        name, argument = split_source(config.source)
    except ConfigError as error:
        raise ConfigError([f"data.source {problem}" for problem in error.problems]) from error
    provided = load("sources", name)
    if not (hasattr(provided, "Options") and hasattr(provided, "scan") and hasattr(provided, "samples")):
        raise PluginError(f"source '{name}' lacks Options, scan or samples; see nasflow.data.Source.")
    source: Source = provided(argument, valid_options(provided.Options, config.options, "data.options"), base)
    return source


def find_source(config: DataConfig, base: Path) -> Found:
    """Look at the data without reading them all, and refuse what cannot be learned from.

    Args:
        config: The data section; its `size` overrules the size found.
        base: Folder that relative paths start at.

    Raises:
        UserError: The source is wrong, or holds nothing to learn from; see `open_source` and `check_classes`.
    """
    source = open_source(config, base)
    summary = source.scan()
    check_classes(dict(zip(summary.classes, summary.counts, strict=True)), config.min_per_class)
    return Found(source, replace(summary, size=config.size) if config.size is not None else summary)


def inspect_source(config: DataConfig, base: Path) -> Summary:
    """Return what `find_source` finds in the data.

    Raises:
        UserError: The source is wrong, or holds nothing to learn from.
    """
    return find_source(config, base).summary


def valid_options(model: type[Options], options: Mapping[str, Any], field: str) -> Options:
    """Return options validated by the model of their owner.

    Args:
        model: The owner's model.
        options: As written.
        field: Where they stand in the configuration, for messages.

    Raises:
        ConfigError: They are wrong; one sentence for each.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        problems = []
        for details in error.errors(include_url=False):
            place = ".".join([field, *map(str, details["loc"])])
            if details["type"] == "extra_forbidden":
                known = ", ".join(model.model_fields) or "none"
                problems.append(f"{place} is unknown; the options there are: {known}.")
            else:
                problems.append(f"{place}: {details['msg']}, not {details['input']!r}.")
        raise ConfigError(problems) from error
