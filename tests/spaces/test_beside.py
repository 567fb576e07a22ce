import random

import pytest

from nasflow.errors import SpaceError
from nasflow.spaces import RECIPE, RESOLUTION, Architecture, Choice, NetworkIO, SearchSpace, cost_of, seen_by
from nasflow.spaces.beside import check_names, divided
from nasflow.spaces.variation import cross, mutate

IO = NetworkIO(1, 8, 10)
BESIDE = (
    Choice(RESOLUTION, (8, 6)),
    Choice(RECIPE + "optimizer", ("sgd", "adamw")),
    Choice(RECIPE + "learning_rate:sgd", (0.1, 0.05), RECIPE + "optimizer", ("sgd",)),
    Choice(RECIPE + "augment.crop", (0, 1)),
)


def space(beside=BESIDE):
    return SearchSpace.of("mlp", IO, beside=beside)


class TestDivided:
    def test_sorts_choices_by_whom_they_belong_to(self):
        choices = {"depth": 2, RESOLUTION: 6, "recipe.momentum:sgd": 0.8, "recipe.augment.crop": 1}
        assert divided(choices) == ({"depth": 2}, 6, {"augment.crop": 1, "momentum": 0.8})

    def test_has_nothing_beside_the_family_by_default(self):
        assert divided({"depth": 2}) == ({"depth": 2}, None, {})

    @pytest.mark.parametrize("name", ["recipe.rate", "input.size"])
    def test_a_familys_own_choice_cannot_pass_for_another(self, name):
        with pytest.raises(SpaceError, match=f"family 'odd' names a choice '{name}'"):
            check_names("odd", [Choice("depth", (1, 2)), Choice(name, (1, 2))])


class TestSpace:
    def test_counts_the_choices_beside_the_family(self):
        assert space().size == SearchSpace.of("mlp", IO).size * 2 * (2 + 1) * 2

    def test_recipe_and_resolution_are_part_of_what_is_trained(self):
        plain = space().architecture({**_default(space()), RECIPE + "augment.crop": 0})
        other = space().architecture({**_default(space()), RECIPE + "augment.crop": 1})
        assert plain.form == other.form
        assert plain.id != other.id
        assert other.recipe == {"augment.crop": 1, "learning_rate": 0.1, "optimizer": "sgd"}

    def test_the_stored_size_is_no_resolution_of_its_own(self):
        found = space().architecture(_default(space()))
        assert found.resolution is None
        assert seen_by(found, IO) is IO

    def test_a_network_costs_what_it_costs_at_its_resolution(self):
        small = space().architecture({**_default(space()), RESOLUTION: 6})
        assert small.resolution == 6
        assert space().cost(small) == cost_of(small, IO)
        plain = Architecture("mlp", {}, small.form)
        assert cost_of(plain, NetworkIO(1, 6, 10)) == cost_of(small, IO) != cost_of(plain, IO)

    def test_without_them_ids_are_those_of_the_family_alone(self):
        plain = SearchSpace.of("mlp", IO)
        found = plain.architecture(_default(plain))
        assert found.to_json().keys() == {"schema_version", "id", "family", "choices", "form"}

    def test_travels_as_json(self):
        again = SearchSpace.from_json(space().to_json())
        for number in range(20):
            drawn = space().sample(random.Random(number))
            assert again.admits(drawn)
            assert Architecture.from_json(drawn.to_json()) == drawn

    def test_strategies_move_in_it(self):
        rng = random.Random(0)
        first, second = space().sample(rng), space().sample(rng)
        changed = {name for _ in range(200) for name in _changed(first, mutate(space(), first, rng))}
        assert {RESOLUTION, RECIPE + "optimizer", RECIPE + "augment.crop"} <= changed
        child = cross(space(), first, second, rng)
        assert child is not None
        assert space().admits(child)


def _default(found):
    return found.tree.completed({})


def _changed(first, second):
    return {n for n in first.choices.keys() | second.choices.keys() if first.choices.get(n) != second.choices.get(n)}
