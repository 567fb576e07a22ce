"""What was planted is found, noise is not, and too few trials are said to be too few."""

import random

import pytest

from nasflow.delivery.report.importance import NEEDED, Seen, importance, latest

Made = dict[str, str | int | float | bool]


def draw(rng: random.Random, choices: int = 12) -> Made:
    made: Made = {f"noise{n}": rng.choice([1, 2, 3]) for n in range(choices)}
    made |= {"kind": rng.choice(["plain", "residual", "inverted"]), "skip": rng.random() < 0.5}
    if made["kind"] == "inverted":
        made["expansion"] = rng.choice([2, 4])
    return made


def searched(seed: int, count: int, effect: float) -> list[Seen]:
    """Return networks whose value is noise of deviation 1, and an effect of their kind."""
    rng = random.Random(seed)
    rows = [draw(rng) for _ in range(count)]
    worth = {"plain": -effect, "residual": 0.0, "inverted": effect}
    return [Seen(made, 10, worth[str(made["kind"])] + rng.gauss(0, 1)) for made in rows]


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_effect_is_found(seed: int) -> None:
    """The effect's deviation is 3.3 times the noise's; it was missed in none of 120 searches, so in under 2.5 %."""
    found = importance(searched(seed, 60, 4.0), "maximize", seed)
    assert found.weights[0].name == "kind"
    assert found.weights[0].certain
    assert [level.value for level in found.weights[0].levels] == ["inverted", "residual", "plain"]
    assert sum(level.trials for level in found.weights[0].levels) == 60
    assert found.explained is not None
    assert found.explained.low > 0


def test_noise_is_seldom_taken_for_an_effect() -> None:
    """A choice's interval is above zero in about 0.3 % of cases: of 5 times 15 choices, 4 or more are in under 1e-4."""
    found = [importance(searched(seed, 24, 0.0), "maximize", seed) for seed in range(5)]
    assert sum(weight.certain for one in found for weight in one.weights) < 4


def test_the_same_seed_gives_the_same_figures() -> None:
    rows = searched(0, 24, 1.0)
    assert importance(rows, "maximize", 3) == importance(rows, "maximize", 3)
    assert importance(rows, "maximize", 3) != importance(rows, "maximize", 4)


def test_limits_surround_the_median_and_the_order_is_by_it() -> None:
    weights = importance(searched(1, 30, 1.0), "minimize").weights
    assert all(w.low <= w.median <= w.high for w in weights)
    assert [w.median for w in weights] == sorted((w.median for w in weights), reverse=True)


def test_too_few_networks_say_nothing() -> None:
    found = importance(searched(0, NEEDED - 1, 4.0), "maximize")
    assert (found.trials, found.needed, found.weights, found.explained) == (NEEDED - 1, NEEDED, (), None)
    assert importance([], "maximize").weights == ()


def test_equal_values_or_equal_choices_say_nothing() -> None:
    same = [Seen(made.choices, 10, 0.5) for made in searched(0, 30, 1.0)]
    assert importance(same, "maximize").weights == ()
    alike = [Seen({"width": 8}, 10, made.value) for made in searched(0, 30, 1.0)]
    assert importance(alike, "maximize").weights == ()


def test_an_absent_choice_is_a_value_of_its_own() -> None:
    rng = random.Random(0)
    rows = [Seen({"rate": 0.1} if n % 2 else {}, 10, float(n % 2) + rng.gauss(0, 0.1)) for n in range(40)]
    (weight,) = importance(rows, "maximize").weights
    assert weight.certain
    assert [(level.value, level.trials) for level in weight.levels] == [("0.1", 20), ("absent", 20)]


def test_true_and_one_are_told_apart() -> None:
    rng = random.Random(0)
    rows = [Seen({"mixed": True if n % 2 else 1}, 10, float(n % 2) + rng.gauss(0, 0.1)) for n in range(40)]
    (weight,) = importance(rows, "maximize").weights
    assert [level.value for level in weight.levels] == ["yes", "1"]


def test_unequal_training_explains_without_being_a_choice() -> None:
    rng = random.Random(0)
    rows = [Seen(draw(rng), epochs, epochs + rng.gauss(0, 0.1)) for epochs in [1, 3, 9] * 20]
    found = importance(rows, "maximize")
    assert found.explained is not None
    assert found.explained.low > 0.5
    assert not [w for w in found.weights if "epoch" in w.name]


def test_a_network_counts_once_as_it_did_with_the_most_training() -> None:
    rows = [("a", Seen({}, 1, 0.1)), ("b", Seen({}, 1, 0.2)), ("a", Seen({}, 3, 0.3)), ("b", Seen({}, 0.5, 0.4))]
    assert [one.value for one in latest(rows)] == [0.3, 0.2]
