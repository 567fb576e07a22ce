"""Names and options of plugins, a stranger's among them."""

from __future__ import annotations

import pytest

from nasflow.config import config_from
from nasflow.errors import ConfigError


def problems(**changes: object) -> list[str]:
    try:
        config_from({"name": "digits", "data": "sklearn:digits", **changes})
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.usefixtures("toy_parts")
class TestStranger:
    """A strategy from another package."""

    def test_valid_options_pass(self) -> None:
        assert problems(strategy={"name": "toy", "options": {"pool": 4, "drawn": 3}}) == []
        assert problems(strategy="toy") == []

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"pool": 1}, "strategy.options.pool must be between 2 and 64, not 1; the nearest valid value is 2."),
            ({"pool": True}, "strategy.options.pool must be a whole number, not true."),
            ({"pol": 3}, "strategy.options has no field 'pol'. Did you mean 'pool'?"),
            ({"rates": [0.1, "fast"]}, "strategy.options.rates[1] must be a number, not 'fast'."),
            ({"mode": 3}, "strategy.options.mode must be text, not 3; put it in quotes: '3'."),
            ({"drawn": 9}, "strategy.options.drawn must be at most pool (8), not 9."),
        ],
    )
    def test_its_own_model_decides(self, options: dict[str, object], sentence: str) -> None:
        assert problems(strategy={"name": "toy", "options": options}) == [sentence]

    def test_a_part_without_a_model_is_refused(self) -> None:
        assert problems(strategy="bare") == [
            "strategy.name: what is installed as 'bare' has no Options model; it cannot be used."
        ]

    def test_a_part_that_cannot_be_imported_is_named(self) -> None:
        (text,) = problems(strategy="torn")
        assert text.startswith("strategy: the strategies entry 'torn' (toyparts:Missing) cannot be imported")

    def test_it_is_offered_by_name(self) -> None:
        assert "evolution, grid, random, torn, toy" in problems(strategy="toi")[0]
        assert "Did you mean 'toy'?" in problems(strategy="toi")[0]


def test_options_of_every_kind_of_part_are_checked() -> None:
    found = problems(
        task={"name": "image_classification", "options": {"x": 1}},
        data={"source": "sklearn:digits", "options": {"y": 1}},
        space={"family": "cell", "options": {"width": 0}},
        strategy={"name": "random", "options": {"z": 1}},
    )
    assert found == [
        "task.options has no field 'x'; there are none to set.",
        "data.options has no field 'y'; there are none to set.",
        "space.options.width must be between 1 and 1024, not 0; the nearest valid value is 1.",
        "strategy.options has no field 'z'; there are none to set.",
    ]


def test_choices_are_compared_with_the_family() -> None:
    assert problems(space={"family": "cnn", "choices": {"activation": ["relu", "gelu"]}}) == []
    (unknown,) = problems(space={"choices": {"activaton": ["relu"]}})
    assert unknown.startswith("space.choices: family 'cnn' has no choice 'activaton'; it has ")
    assert unknown.endswith("Did you mean 'activation'?")
    (typed,) = problems(space={"choices": {"stage1.squeeze_excite": [1]}})
    assert typed == "space.choices.stage1.squeeze_excite offers false, true, not 1."


def test_choices_follow_the_size_where_it_is_given() -> None:
    deep = {"choices": {"stage4.depth": [1]}}
    assert problems(data={"source": "sklearn:digits", "size": 64}, space=deep) == []
    (text,) = problems(data={"source": "sklearn:digits", "size": 8}, space=deep)
    assert "has no choice 'stage4.depth'" in text


def test_a_broken_option_hides_what_depends_on_it() -> None:
    (text,) = problems(space={"family": "cnn", "options": {"max_stages": 0}, "choices": {"stage9.depth": [1]}})
    assert text.startswith("space.options.max_stages must be between 1 and 5")


def test_bounds_by_the_reference_need_a_quantity_known_before_training() -> None:
    assert problems(objectives=["val_accuracy", {"name": "latency", "less_than": "reference"}]) == []
    assert problems(objectives=["val_accuracy", {"name": "flops", "less_than": "reference"}]) == []
    (text,) = problems(objectives=["val_accuracy", {"name": "train_seconds", "less_than": "reference"}])
    assert text.startswith("objectives[1].less_than: 'train_seconds' of the reference network is not known")
