"""Whether the training recipes of a search suit its samples and networks, found before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from nasflow.config import SearchConfig, TrainingConfig, recipe_choices
from nasflow.errors import ConfigError
from nasflow.spaces import NetworkIO, family_names, takes_any_size
from nasflow.tasks.protocol import Task


def check_recipes(config: SearchConfig, task: Task, io: NetworkIO) -> None:
    """Check the recipe of a search, and each value that its space offers in place of a part of it.

    Args:
        config: The search.
        task: What is learned.
        io: What goes into the networks.

    Raises:
        ConfigError: A recipe does not suit the samples, or makes images smaller for networks that need whole ones; all
            of them are told.
        PluginError: The family is unknown.
    """
    problems: dict[str, str] = {}
    for field, recipe in _recipes(config):
        try:
            task.check(recipe, io)
            if recipe.progressive is not None:
                _check_progressive(config, task, io)
        except ConfigError as error:
            for problem in error.problems:
                problems.setdefault(problem, problem if field is None else _of_choice(problem))
    if problems:
        raise ConfigError(list(problems.values()))


def _of_choice(problem: str) -> str:
    return problem.replace("training.", "space.recipe.", 1)


def _recipes(config: SearchConfig) -> Iterator[tuple[str | None, TrainingConfig]]:
    """Yield the recipe of the search, and those with one value of a choice, each with the field that it changes."""
    yield None, config.training
    for choice in recipe_choices(config.space.recipe):
        for value in choice.values:
            recipe = config.training.with_choices({choice.field: value})
            if recipe != config.training:
                yield choice.field, recipe


def _check_progressive(config: SearchConfig, task: Task, io: NetworkIO) -> None:
    if config.space.resolutions:
        raise ConfigError(
            [
                "space.recipe cannot offer progressive training where the network resizes its images; remove it, or "
                "space.resolutions."
            ]
        )
    for family in (config.space.family, task.reference(io).family):
        if not takes_any_size(family):
            able = ", ".join(name for name in family_names() if takes_any_size(name))
            raise ConfigError(
                [
                    f"training.progressive needs networks that take smaller images than those they were built for, and "
                    f"those of family '{family}' do not; remove it, or choose one of the families {able}."
                ]
            )
