"""Checking what belongs to plugins: their names, and their options by the model beside each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from nasflow import plugins
from nasflow.config.goals import goal_problems
from nasflow.config.lines import Document, Path, dotted
from nasflow.config.model import SearchConfig
from nasflow.config.sentences import Problem, problems_of, shown
from nasflow.config.sources import split_source
from nasflow.errors import ConfigError, PluginError, SpaceError


@dataclass(frozen=True)
class Part:
    """Something that a configuration picks by name.

    Attributes:
        group: Which kind of plugin.
        name: Its name.
        named_at: Where the name stands.
        options: Its options, as written.
        options_at: Where they stand.
    """

    group: plugins.Group
    name: str
    named_at: Path
    options: Mapping[str, Any]
    options_at: Path


@dataclass(frozen=True)
class _Probe:
    """Stands in for what goes into a network while the data are not known yet."""

    channels: int
    size: int
    outputs: int = 10


def parts_of(config: SearchConfig) -> Iterator[Part | Problem]:
    """Yield the plugins that a configuration picks, or what is wrong with `data.source`."""
    task, strategy, space, data = config.task, config.strategy, config.space, config.data
    yield Part("tasks", task.name, ("task", "name"), task.options, ("task", "options"))
    try:
        yield Part("sources", split_source(data.source)[0], ("data", "source"), data.options, ("data", "options"))
    except ConfigError as error:
        yield Problem(("data", "source"), f"data.source {error}")
    yield Part("families", space.family, ("space", "family"), space.options, ("space", "options"))
    yield Part("strategies", strategy.name, ("strategy", "name"), strategy.options, ("strategy", "options"))


def part_problems(config: SearchConfig, document: Document) -> list[Problem]:
    """Return what is wrong with the names and options of plugins, and with what they decide."""
    found: list[Problem] = []
    for part in parts_of(config):
        if isinstance(part, Problem):
            found.append(part)
            continue
        try:
            provided = plugins.load(part.group, part.name)
        except PluginError as error:
            found.append(Problem(part.named_at, f"{_field(part.named_at, document)}: {error}"))
            continue
        options, problems = _options(provided, part, document)
        found += problems
        if part.group == "families" and options is not None:
            found += _choice_problems(config, provided, options, document)
        if part.group == "tasks":
            found += _objective_problems(config, provided)
            found += goal_problems(config, {f"val_{m.name}": m.direction for m in getattr(provided, "metrics", ())})
    return [*found, *_storage_problems(config)]


def _options(provided: Any, part: Part, document: Document) -> tuple[BaseModel | None, list[Problem]]:
    model = getattr(provided, "Options", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        text = f"{dotted(part.named_at)}: what is installed as '{part.name}' has no Options model; it cannot be used."
        return None, [Problem(part.named_at, text)]
    try:
        return model.model_validate(dict(part.options)), []
    except ValidationError as error:
        return None, problems_of(error, model, document, part.options_at)


def _choice_problems(config: SearchConfig, provided: Any, options: BaseModel, document: Document) -> Iterator[Problem]:
    """Compare `space.choices` with what the family offers for any image; the space checks it against the data."""
    if not config.space.choices:
        return  # asking a family may take seconds
    offered = _offered(provided, options, config.data.size)
    if not offered:
        return
    for name, values in config.space.choices.items():
        path: Path = ("space", "choices", name)
        if name not in offered:
            text = f"space.choices: family '{config.space.family}' has no choice '{name}'; "
            known = _listed(sorted(offered))
            yield Problem(path, f"{text}it has {known}.{plugins.nearest(name, offered)}")
            continue
        own = offered[name]
        for place, value in enumerate(values):
            if (type(value), value) not in [(type(v), v) for v in own]:
                raw = document.raw.get((*path, place))
                text = f"space.choices.{name} offers {_listed(own)}, not {shown(value, raw)}."
                yield Problem((*path, place), text + (plugins.nearest(raw or value, own)))


def _offered(provided: Any, options: BaseModel, size: int | None) -> dict[str, list[Any]]:
    """Return every choice and value that the family has for some image."""
    family = provided() if isinstance(provided, type) else provided
    offered: dict[str, list[Any]] = {}
    for pixels in [size] if size is not None else [8, 16, 32, 64, 128, 224]:
        for channels in (1, 3):
            try:
                choices = family.choices(options, _Probe(channels, pixels))
            except SpaceError:
                continue
            for choice in choices:
                values = offered.setdefault(choice.name, [])
                values += [v for v in choice.values if (type(v), v) not in [(type(w), w) for w in values]]
    return offered


def _objective_problems(config: SearchConfig, task: Any) -> Iterator[Problem]:
    metrics = [f"val_{metric.name}" for metric in getattr(task, "metrics", ())]
    known = [*metrics, *(name for name in plugins.names("objectives") if name not in metrics)]
    for place, objective in enumerate(config.objectives):
        name, path = objective.name, ("objectives", place, "name")
        if name.startswith("test_"):
            asked = f"val_{name.removeprefix('test_')}"
            hint = f" Did you mean '{asked}'?" if asked in known else ""
            text = f"objectives: '{name}' is kept for the last word; no search may read the test data.{hint}"
            yield Problem(path, text)
        elif name not in known:
            near = plugins.nearest(f"val_{name}" if f"val_{name}" in known else name, known)
            yield Problem(path, f"objectives: '{name}' is none of the known objectives: {', '.join(known)}.{near}")
        elif objective.less_than == "reference" and not _known_before_training(name, metrics):
            text = f"'{name}' of the reference network is not known before the search ends; give a number."
            yield Problem(("objectives", place, "less_than"), f"objectives[{place}].less_than: {text}")


def _known_before_training(name: str, metrics: list[str]) -> bool:
    """Whether a quantity is cheap or measured; a provider that cannot be imported is reported where it is used."""
    try:
        provided = None if name in metrics else plugins.load("objectives", name)
    except PluginError:
        return True
    return bool(getattr(provided, "cheap", False)) or hasattr(provided, "measure")


def _storage_problems(config: SearchConfig) -> Iterator[Problem]:
    scheme, separator, _ = config.storage.url.partition("://")
    known = plugins.names("storages")
    if separator and scheme not in known:
        near = plugins.nearest(scheme, known)
        text = f"storage.url: '{scheme}' is none of the known storages: {', '.join(known)}; a plain path is a folder."
        yield Problem(("storage", "url"), text + near)


def _field(path: Path, document: Document) -> str:
    """Name a field as the file has it: a bare `task: x` stands for `task.name`."""
    return dotted(path) if path in document.lines else dotted(path[:-1]) or dotted(path)


def _listed(values: list[Any]) -> str:
    texts = [shown(value) if isinstance(value, str | bool) else str(value) for value in values]
    return ", ".join([*texts[:12], *(["…"] if len(texts) > 12 else [])])
