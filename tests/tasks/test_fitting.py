"""Recipes that cannot work are refused before anything runs, in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.errors import ConfigError, PluginError
from nasflow.spaces import NetworkIO
from nasflow.tasks.fitting import check_recipes
from nasflow.tasks.loading import load_task

IO = NetworkIO(3, 32, 10)


def check(**sections: Any) -> None:
    config = SearchConfig.model_validate({"name": "x", "data": "sklearn:digits", **sections})
    check_recipes(config, load_task(config), IO)


@pytest.mark.parametrize("family", ["cnn", "cell", "nasnet"])
def test_what_suits_passes(family: str) -> None:
    check(
        training={"progressive": {"start": 0.5}, "augment": {"crop": 31, "cutout": 31, "mixup": 0.2}},
        space={"family": family, "recipe": {"augment.crop": [0, 4], "progressive.start": [0.5, 0.7]}},
    )


def test_a_recipe_beyond_the_images_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augment\.cutout must be below the size of the images, 32, not 40"):
        check(training={"augment": {"cutout": 40}})


def test_so_is_one_that_the_space_offers() -> None:
    with pytest.raises(
        ConfigError, match=r"^space\.recipe\.augment\.crop must be below the size of the images, 32, not 33\.$"
    ):
        check(space={"recipe": {"augment.crop": [4, 33]}})


@pytest.mark.parametrize(
    "sections",
    [
        {"training": {"progressive": {}}, "space": {"family": "mlp"}},
        {"space": {"family": "mlp", "recipe": {"progressive.until": [0.5, 0.7]}}},
    ],
)
def test_networks_of_a_fixed_size_cannot_begin_with_smaller_images(sections: dict[str, Any]) -> None:
    with pytest.raises(
        ConfigError,
        match=r"(training|space\.recipe)\.progressive needs networks that take smaller images .* "
        r"family 'mlp' do not; remove it, or choose one of the families .*cnn",
    ):
        check(**sections)


def test_networks_that_resize_gain_nothing_from_smaller_images() -> None:
    with pytest.raises(ConfigError, match=r"space\.recipe cannot offer progressive training where"):
        check(space={"resolutions": [16, 32], "recipe": {"progressive.start": [0.5, 0.7]}})


def test_all_problems_are_told_each_by_its_field() -> None:
    with pytest.raises(ConfigError) as caught:
        check(training={"augment": {"crop": 40}}, space={"recipe": {"augment.cutout": [0, 41], "augment.flip": [True]}})
    assert list(caught.value.problems) == [
        "training.augment.crop must be below the size of the images, 32, not 40.",
        "space.recipe.augment.cutout must be below the size of the images, 32, not 41.",
    ]


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(PluginError, match="'cnm' is none of the known families"):
        check(training={"progressive": {}}, space={"family": "cnm"})
