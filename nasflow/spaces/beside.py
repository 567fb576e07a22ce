"""The choices of a space that are not its family's: the resolution of the images, and the training recipe."""

from __future__ import annotations

from collections.abc import Iterable

from nasflow.config import recipe_field
from nasflow.errors import SpaceError
from nasflow.spaces.choices import Choice, Choices, Scalar

RESOLUTION = "input.resolution"
"""Name of the choice of a resolution: height and width in pixels to which a network resizes its images first."""

RECIPE = "recipe."
"""What the names of the choices of training settings begin with, as in `recipe.learning_rate`."""

_RESERVED = (RECIPE, "input.")


def check_names(family: str, choices: Iterable[Choice]) -> None:
    """Refuse a family whose choices would be taken for others.

    Raises:
        SpaceError: A name begins with `recipe.` or `input.`.
    """
    for choice in choices:
        if choice.name.startswith(_RESERVED):
            raise SpaceError(
                f"family '{family}' names a choice '{choice.name}'; names that begin with 'recipe.' or 'input.' are "
                f"kept for training settings and the resolution: rename it."
            )


def divided(choices: Choices) -> tuple[dict[str, Scalar], int | None, dict[str, Scalar]]:
    """Return the family's own choices, the resolution (None where it is no choice), and the recipe by field."""
    own = {name: value for name, value in choices.items() if not name.startswith(_RESERVED)}
    resolution = choices.get(RESOLUTION)
    chosen = {recipe_field(n.removeprefix(RECIPE)): v for n, v in choices.items() if n.startswith(RECIPE)}
    return own, None if resolution is None else int(resolution), dict(sorted(chosen.items()))
