"""Whether the training recipes of a search suit its samples and networks, found before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from nasflow.config import SearchConfig, TrainingConfig, recipe_choices, recipe_field
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
        ConfigError: A recipe does not suit the samples, or makes images smaller for networks that need whole ones.
        PluginError: The family is unknown.
    """
    for recipe in _recipes(config):
        task.check(recipe, io)
        if recipe.progressive is not None:
            _check_progressive(config, task, io)


def _recipes(config: SearchConfig) -> Iterator[TrainingConfig]:
    yield config.training
    for choice in recipe_choices(config.space.recipe):
        for value in choice.values:
            yield config.training.with_choices({recipe_field(choice.name): value})


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
