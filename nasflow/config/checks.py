"""What no field can see alone: combinations that cannot work, and values that must not be written down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasflow.config.lines import Path, dotted
from nasflow.config.pod_checks import pod_problems
from nasflow.config.recipe import recipe_problems
from nasflow.passwords import holds_login

if TYPE_CHECKING:
    from nasflow.config.model import BoundConfig, ObjectiveConfig, SearchConfig

_TRACKING = re.compile(r"^(https?|sqlite|postgresql|mysql|mssql|databricks)(\+\w+)?(://|$)|^(databricks|uc)\b")

MAX_ROUNDS = 1000
"""Each round is a step of the pipeline, which grows by 10 kB with it."""


@dataclass(frozen=True)
class Clash:
    """Values that do not go together.

    Attributes:
        path: The value to change.
        text: The sentence, with the field's name.
        others: The other values that it depends on.
    """

    path: Path
    text: str
    others: tuple[Path, ...] = ()


def clashes(config: SearchConfig) -> list[Clash]:
    """Return everything about a configuration that its fields, each by itself, cannot see."""
    checks: tuple[Callable[[SearchConfig], Iterator[Clash]], ...] = (
        _finalists,
        _rounds,
        _repeated_objectives,
        _crossing_bounds,
        _crop,
        _choices,
        _resolutions,
        _recipe,
        _pods,
        _names,
        _tracking,
        _passwords,
    )
    return [clash for check in checks for clash in check(config)]


def _finalists(config: SearchConfig) -> Iterator[Clash]:
    if config.final.candidates > config.budget.trials:
        text = (
            f"final.candidates must be at most {config.budget.trials}, the number of trials in budget.trials, "
            f"not {config.final.candidates}."
        )
        yield Clash(("final", "candidates"), text, (("budget", "trials"),))


def _rounds(config: SearchConfig) -> Iterator[Clash]:
    if config.rounds > MAX_ROUNDS:
        least = -(-config.budget.trials // MAX_ROUNDS)
        text = (
            f"budget.trials of {config.budget.trials} makes {config.rounds} rounds of {config.parallelism.round_size}, "
            f"more than {MAX_ROUNDS}; lower it, or set parallelism.round_size to at least {least}."
        )
        yield Clash(("budget", "trials"), text, (("parallelism", "round_size"),))


def _repeated_objectives(config: SearchConfig) -> Iterator[Clash]:
    seen: dict[str, int] = {}
    for place, objective in enumerate(config.objectives):
        if objective.name in seen:
            text = f"objectives: '{objective.name}' is listed twice; keep one of them, with all its bounds."
            yield Clash(("objectives", place), text)
        seen.setdefault(objective.name, place)


def _crossing_bounds(config: SearchConfig) -> Iterator[Clash]:
    bounded: list[tuple[Path, BoundConfig | ObjectiveConfig]] = [
        *((("space", "constraints", name), bound) for name, bound in config.space.constraints.items()),
        *((("objectives", place), objective) for place, objective in enumerate(config.objectives)),
    ]
    for path, bound in bounded:
        less, more = bound.less_than, bound.more_than
        if isinstance(less, float) and more is not None and more >= less:
            text = (
                f"{dotted(path)} can hold no value: nothing is above {more:g} and below {less:g}; swap or widen them."
            )
            yield Clash((*path, "more_than"), text, ((*path, "less_than"),))


def _crop(config: SearchConfig) -> Iterator[Clash]:
    size, crop = config.data.size, config.training.augment.crop
    if size is not None and crop is not None and crop >= size:
        text = f"training.augment.crop must be below the image size in data.size ({size}), not {crop}."
        yield Clash(("training", "augment", "crop"), text, (("data", "size"),))


def _choices(config: SearchConfig) -> Iterator[Clash]:
    for name, values in config.space.choices.items():
        path: Path = ("space", "choices", name)
        if not values:
            yield Clash(path, f"space.choices.{name} needs at least one value; remove the line to keep all.")
        kept = [(type(value), value) for value in values]
        repeated = [value for place, (kind, value) in enumerate(kept) if (kind, value) in kept[:place]]
        if repeated:
            yield Clash(path, f"space.choices.{name} lists {repeated[0]} twice; keep one.")


def _resolutions(config: SearchConfig) -> Iterator[Clash]:
    values, size = config.space.resolutions, config.data.size
    for place, value in enumerate(values):
        path: Path = ("space", "resolutions", place)
        if value in values[:place]:
            yield Clash(path, f"space.resolutions lists {value} twice; keep one.")
        if size is not None and value > size:
            text = f"space.resolutions must be at most the size of the stored images, data.size ({size}), not {value}."
            yield Clash(path, text, (("data", "size"),))
    if values and config.training.progressive is not None:
        text = "training.progressive has no effect where the network resizes its images; remove it, or the resolutions."
        yield Clash(("training", "progressive"), text, (("space", "resolutions"),))


def _recipe(config: SearchConfig) -> Iterator[Clash]:
    for problem in recipe_problems(config.space.recipe):
        yield Clash(("space", "recipe", *problem.path), problem.text)


def _pods(config: SearchConfig) -> Iterator[Clash]:
    for problem in pod_problems(config):
        yield Clash(problem.path, problem.text)


def _names(config: SearchConfig) -> Iterator[Clash]:
    if config.tracking.experiment is not None and not config.tracking.experiment.strip():
        yield Clash(("tracking", "experiment"), "tracking.experiment is empty; give a name, or remove the line.")
    if not config.storage.url.strip():
        yield Clash(("storage", "url"), "storage.url is empty; name a folder, or remove the line.")


def _tracking(config: SearchConfig) -> Iterator[Clash]:
    uri = config.tracking.uri
    if uri is not None and not holds_login(uri) and not _TRACKING.match(uri):
        text = (
            f"tracking.uri must be the address of a server or a database, as in 'http://localhost:5000' or "
            f"'sqlite:///mlflow.db', not '{uri}'."
        )
        yield Clash(("tracking", "uri"), text)


def _passwords(config: SearchConfig) -> Iterator[Clash]:
    """Refuse secrets, which would travel into artifacts and MLflow, without repeating them."""
    if config.tracking.uri is not None and holds_login(config.tracking.uri):
        text = (
            "tracking.uri holds a user or password; set MLFLOW_TRACKING_URI in the environment instead, and remove "
            "the line."
        )
        yield Clash(("tracking", "uri"), text)
    for path, value in ((("storage", "url"), config.storage.url), (("data", "source"), config.data.source)):
        if holds_login(value):
            text = f"{dotted(path)} holds a user or password; give them through the environment instead."
            yield Clash(path, text)
