import pytest

from nasflow.config import TrainingConfig
from nasflow.config.recipe import RecipeChoice, recipe_choices, recipe_field, recipe_problems


def texts(recipe):
    return [problem.text for problem in recipe_problems(recipe)]


class TestChoices:
    def test_a_list_is_taken_as_it_stands(self):
        assert recipe_choices({"batch_size": [64, 32]}) == [RecipeChoice("batch_size", "batch_size", (64, 32))]

    def test_a_range_is_evenly_spaced(self):
        found = recipe_choices({"weight_decay": {"low": 0, "high": 0.001, "steps": 3}})
        assert found == [RecipeChoice("weight_decay", "weight_decay", (0.0, 0.0005, 0.001))]

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
            RecipeChoice("optimizer", "optimizer", ("sgd", "adamw", "adam")),
            RecipeChoice("momentum:sgd", "momentum", (0.8, 0.9), "optimizer", ("sgd",)),
            RecipeChoice("learning_rate:adamw", "learning_rate", (0.001,), "optimizer", ("adamw",)),
        ]

    def test_values_are_those_of_the_field_however_they_are_written(self):
        found = recipe_choices({"learning_rate": {"1e-1": {"momentum": [0.8]}, "0.2": {}}, "batch_size": [32.0]})
        assert [(choice.name, choice.values, choice.when) for choice in found] == [
            ("learning_rate", (0.1, 0.2), ()),
            ("momentum:0.1", (0.8,), (0.1,)),
            ("batch_size", (32,), ()),
        ]
        (flip,) = recipe_choices({"augment.flip": {"true": {}, "false": {}}})
        assert flip.values == (True, False)

    @pytest.mark.parametrize(
        ("name", "field"),
        [
            ("momentum", "momentum"),
            ("momentum:sgd", "momentum"),
            ("momentum:0.1", "momentum"),
            ("augment.crop", "augment.crop"),
        ],
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
            ({"momentum": [0.9, 0.9]}, "space.recipe.momentum lists a value twice: 0.9; keep one."),
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
            ({"learning_rate": ["1e-3", 0.001]}, "space.recipe.learning_rate lists a value twice: 0.001; keep one."),
            (
                {"optimizer": {"sgd": {"momentum": [0.8]}, "adam": {}}, "momentum": [0.9]},
                "space.recipe.momentum may be chosen with the values of 'optimizer' at the same time, and",
            ),
            (
                {"augment.crop": {"4": {"ema": [0.9]}, "2": {}}, "batch_size": {"4": {"ema": [0.8]}, "8": {}}},
                "space.recipe.batch_size.4.ema may be chosen with the values of 'augment.crop' at the same time",
            ),
        ],
    )
    def test_each_is_one_sentence(self, recipe, text):
        assert len(texts(recipe)) == 1
        assert text in texts(recipe)[0]

    def test_all_are_told_at_once(self):
        assert len(texts({"momentum": [2], "schedule": ["linear"], "rate": [1]})) == 3
