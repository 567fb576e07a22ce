import pytest

from nasflow.config import TrainingConfig
from nasflow.config.recipe import RecipeChoice, recipe_choices, recipe_field, recipe_problems


def texts(recipe, training=None):
    return [problem.text for problem in recipe_problems(recipe, training or TrainingConfig())]


class TestChoices:
    def test_a_list_is_taken_as_it_stands(self):
        assert recipe_choices({"batch_size": [64, 32]}) == [RecipeChoice("batch_size", (64, 32))]

    def test_a_range_is_evenly_spaced(self):
        found = recipe_choices({"weight_decay": {"low": 0, "high": 0.001, "steps": 3}})
        assert found == [RecipeChoice("weight_decay", (0.0, 0.0005, 0.001))]

    def test_a_logarithmic_range_has_even_ratios(self):
        (found,) = recipe_choices({"learning_rate": {"low": 0.001, "high": 1, "log": True, "steps": 4}})
        assert found.values == (0.001, 0.01, 0.1, 1.0)

    def test_a_range_of_whole_numbers_has_each_once(self):
        (found,) = recipe_choices({"augment.crop": {"low": 0, "high": 2, "steps": 8}})
        assert found.values == (0, 1, 2)
        assert all(isinstance(value, int) for value in found.values)

    def test_settings_may_hang_on_a_value(self):
        offered = {"optimizer": {"sgd": {"momentum": [0.8, 0.9]}, "adamw": {"learning_rate": [0.001]}, "adam": None}}
        assert recipe_choices(offered) == [
            RecipeChoice("optimizer", ("sgd", "adamw", "adam")),
            RecipeChoice("momentum.sgd", (0.8, 0.9), "optimizer", ("sgd",)),
            RecipeChoice("learning_rate.adamw", (0.001,), "optimizer", ("adamw",)),
        ]

    @pytest.mark.parametrize(
        ("name", "field"),
        [("momentum", "momentum"), ("momentum.sgd", "momentum"), ("augment.crop", "augment.crop")],
    )
    def test_the_field_is_known_by_the_choice(self, name, field):
        assert recipe_field(name) == field

    def test_choices_make_a_recipe(self):
        base = TrainingConfig(label_smoothing=0.1)
        made = base.with_choices({"optimizer": "adamw", "augment.crop": 2, "progressive.start": 0.5})
        assert (made.optimizer, made.augment.crop, made.label_smoothing) == ("adamw", 2, 0.1)
        assert made.progressive is not None
        assert made.peak_learning_rate == 0.003


class TestProblems:
    def test_there_are_none_in_a_good_recipe(self):
        assert texts({"optimizer": {"sgd": {"momentum": [0.8]}, "adamw": {}}, "augment.flip": [True, False]}) == []

    @pytest.mark.parametrize(
        ("recipe", "text"),
        [
            ({"momentun": [0.9]}, "space.recipe.momentun is no training setting; there are optimizer, "),
            ({"momentun": [0.9]}, "Did you mean 'momentum'?"),
            ({"momentum": [1.5]}, "space.recipe.momentum must offer a number at least 0 and below 1, not 1.5."),
            (
                {"optimizer": ["sdg"]},
                "space.recipe.optimizer must offer 'sgd', 'adam', 'adamw' or 'rmsprop', not 'sdg'.",
            ),
            ({"augment.flip": [1]}, "space.recipe.augment.flip must offer true or false, not 1."),
            ({"momentum": 0.9}, "needs a list of values, or a range {low, high, log, steps}."),
            ({"momentum": []}, "needs a list of values"),
            ({"momentum": [0.9, 0.9]}, "space.recipe.momentum lists a value twice: [0.9, 0.9]; keep one."),
            ({"momentum": {"low": 0.9, "high": 0.5}}, "`low` must be below `high`, not 0.9 and 0.5"),
            ({"momentum": {"low": 0, "high": 0.5, "log": True}}, "`low` must be above 0 where `log` is true"),
            ({"momentum": {"low": 0.1, "high": 0.5, "step": 3}}, "space.recipe.momentum is no range: step: "),
            ({"optimizer": {"sgd": [0.9]}}, "space.recipe.optimizer.sgd must map further settings to their values"),
            (
                {"optimizer": {"sgd": {"schedule": {"cosine": {}}}}},
                "space.recipe.optimizer.sgd.schedule hangs on a choice already; give a plain list of values.",
            ),
            ({"optimizer": {"sgd": {"momentum": [2]}}}, "space.recipe.optimizer.sgd.momentum must offer a number"),
            ({"augment": [1]}, "space.recipe.augment is no training setting"),
        ],
    )
    def test_each_is_one_sentence(self, recipe, text):
        assert len(texts(recipe)) == 1
        assert text in texts(recipe)[0]

    def test_all_are_told_at_once(self):
        assert len(texts({"momentum": [2], "schedule": ["linear"], "rate": [1]})) == 3
