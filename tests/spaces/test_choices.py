"""Counting, numbering and checking of choice trees, against going through all assignments on random trees."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from nasflow.errors import SpaceError
from nasflow.spaces import Choice, ChoiceTree, Scalar

TREES = range(60)


def random_tree(seed: int, most: int = 7) -> ChoiceTree:
    """A tree of a few choices, most of them hanging on an earlier one, with values of every kind."""
    rng = random.Random(seed)
    pool: list[Scalar] = ["a", "b", 1, 2, 0.5, True, False, "1"]
    choices: list[Choice] = []
    for number in range(rng.randint(1, most)):
        values = tuple(rng.sample(pool, rng.randint(1, 3)))
        if choices and rng.random() < 0.7:
            parent = rng.choice(choices)
            when = tuple(rng.sample(parent.values, rng.randint(1, len(parent.values))))
            choices.append(Choice(f"c{number}", values, parent.name, when))
        else:
            choices.append(Choice(f"c{number}", values))
    return ChoiceTree(tuple(choices))


def written(made: dict[str, Scalar]) -> str:
    """As text, where True and 1 differ."""
    return repr(sorted(made.items()))


def brute_force(tree: ChoiceTree) -> Iterator[dict[str, Scalar]]:
    """All assignments, by trying every combination of values and leaving out what does not exist."""
    seen = set()
    for values in itertools.product(*(choice.values for choice in tree)):
        combined = dict(zip((choice.name for choice in tree), values, strict=True))
        made: dict[str, Scalar] = {}
        for choice in tree:
            if choice.parent is None or (
                choice.parent in made and any(repr(made[choice.parent]) == repr(value) for value in choice.when)
            ):
                made[choice.name] = combined[choice.name]
        if written(made) not in seen:
            seen.add(written(made))
            yield made


@pytest.mark.parametrize("seed", TREES)
def test_size_counts_every_assignment(seed: int) -> None:
    tree = random_tree(seed)
    assert tree.size == len(list(brute_force(tree)))


@pytest.mark.parametrize("seed", TREES)
def test_numbers_and_assignments_are_one_to_one(seed: int) -> None:
    tree = random_tree(seed)
    numbered = [tree.assignment(number) for number in range(tree.size)]
    assert {written(made) for made in numbered} == {written(made) for made in brute_force(tree)}
    assert [tree.number(made) for made in numbered] == list(range(tree.size))
    order = [choice.name for choice in tree]
    assert all(list(made) == [name for name in order if name in made] for made in numbered)


@pytest.mark.parametrize("seed", TREES)
def test_checked_takes_what_exists_and_nothing_else(seed: int) -> None:
    tree = random_tree(seed)
    for made in brute_force(tree):
        assert written(tree.checked(made)) == written(made)
        assert [choice.name for choice in tree.active(made)] == list(made)
        for choice in tree:
            if choice.name in made:
                with pytest.raises(SpaceError, match=choice.name):
                    tree.checked({name: value for name, value in made.items() if name != choice.name})
            else:
                with pytest.raises(SpaceError, match=f"{choice.name}: does not exist unless {choice.parent}"):
                    tree.checked({**made, choice.name: choice.values[0]})


@pytest.mark.parametrize("seed", TREES)
def test_completed_keeps_what_exists_and_fills_in_the_rest(seed: int) -> None:
    tree, rng = random_tree(seed), random.Random(seed)
    everything = {choice.name: choice.values[-1] for choice in tree}
    kept = tree.completed(everything)
    assert tree.checked(kept) == kept
    assert all(kept[name] is everything[name] for name in kept)
    defaults = tree.completed({})
    assert all(made == tree.by_name[name].values[0] for name, made in defaults.items())
    for _ in range(10):
        drawn = tree.completed({}, rng)
        assert tree.checked(drawn) == drawn


def test_completed_draws_only_what_is_not_given() -> None:
    tree = ChoiceTree((Choice("a", (1, 2)), Choice("b", (1, 2, 3), "a", (2,)), Choice("c", (1, 2, 3))))
    rng = random.Random(0)
    drawn = [tree.completed({"a": 2, "c": 3}, rng) for _ in range(50)]
    assert {(made["a"], made["c"]) for made in drawn} == {(2, 3)}
    assert {made["b"] for made in drawn} == {1, 2, 3}


def test_the_first_choice_varies_slowest() -> None:
    tree = ChoiceTree((Choice("a", ("x", "y")), Choice("b", (1, 2), "a", ("y",)), Choice("c", (1, 2))))
    assert [tuple(tree.assignment(number).values()) for number in range(tree.size)] == [
        ("x", 1),
        ("x", 2),
        ("y", 1, 1),
        ("y", 1, 2),
        ("y", 2, 1),
        ("y", 2, 2),
    ]


def test_a_tree_without_choices_has_one_assignment() -> None:
    tree = ChoiceTree(())
    assert (tree.size, tree.assignment(0), tree.number({})) == (1, {}, 0)


def test_numbers_work_in_spaces_larger_than_machine_integers() -> None:
    tree = ChoiceTree(tuple(Choice(f"c{number}", tuple(range(10))) for number in range(40)))
    assert tree.size == 10**40
    number = random.Random(0).randrange(10**40)
    assert "".join(str(value) for value in tree.assignment(number).values()) == str(number).zfill(40)
    assert tree.number(tree.assignment(number)) == number


@pytest.mark.parametrize("number", [-1, 6])
def test_a_number_outside_is_refused(number: int) -> None:
    tree = ChoiceTree((Choice("a", (1, 2, 3)), Choice("b", (1, 2))))
    with pytest.raises(SpaceError, match=f"assignment {number} does not exist; the space has 6"):
        tree.assignment(number)


def test_true_is_not_one_but_a_whole_float_is() -> None:
    choice = Choice("a", (True, 1, "1", 2.0))
    assert [choice.index(value) for value in (True, 1, 1.0, "1", 2, 2.0)] == [0, 1, 1, 2, 3, 3]
    for value in (False, "True", 0, 1.5):
        with pytest.raises(SpaceError, match="is none of"):
            choice.index(value)


def test_what_is_no_scalar_is_refused_like_any_wrong_value() -> None:
    with pytest.raises(SpaceError, match=r"a: \[1\] is none of \[1, 2\]"):
        Choice("a", (1, 2)).index([1])  # type: ignore[arg-type]


def test_values_come_back_as_the_tree_has_them() -> None:
    tree = ChoiceTree((Choice("a", (0.0, 1.0)),))
    assert repr(tree.checked({"a": 1})) == "{'a': 1.0}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Choice("a", ()), "a: needs at least one value"),
        (lambda: Choice("a", (1, 2, 1)), "a: lists a value twice"),
        (lambda: Choice("a", (1, 1.0)), "a: lists a value twice"),
        (lambda: Choice("a", (1,), "b"), "a: `parent` and `when` go together"),
        (lambda: Choice("a", (1,), None, (1,)), "a: `parent` and `when` go together"),
        (lambda: ChoiceTree((Choice("a", (1,)), Choice("a", (2,)))), "a: is declared twice"),
        (lambda: ChoiceTree((Choice("b", (1,), "a", (1,)), Choice("a", (1,)))), "b: hangs on 'a', which is not"),
        (lambda: ChoiceTree((Choice("a", (1,), "a", (1,)),)), "a: hangs on 'a', which is not declared before it"),
    ],
)
def test_what_cannot_be_a_tree_is_refused(make: object, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        make()  # type: ignore[operator]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    tree = ChoiceTree((Choice("stage1.width", (8, 16)), Choice("stage1.depth", (1, 2))))
    with pytest.raises(SpaceError, match=r"'stage1.widht' is no choice of this space. Did you mean 'stage1.width'\?"):
        tree.checked({"stage1.widht": 8, "stage1.depth": 1})


def test_restricted_keeps_the_own_order_and_the_condition() -> None:
    choice = Choice("a", (8, 16, 32), "p", ("x",))
    assert choice.restricted([32, 8]) == Choice("a", (8, 32), "p", ("x",))


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "needs different values"), ([8, 8], "needs different values"), ([8, 9], r"9 is none of \[8, 16\]")],
)
def test_an_impossible_restriction_is_refused(values: list[Scalar], message: str) -> None:
    with pytest.raises(SpaceError, match=f"a: {message}"):
        Choice("a", (8, 16)).restricted(values)


@pytest.mark.parametrize("seed", range(10))
def test_choices_survive_json(seed: int) -> None:
    for choice in random_tree(seed):
        again = Choice.from_json(choice.to_json())
        assert repr(again) == repr(choice)


def test_every_assignment_is_drawn_equally_often() -> None:
    """Chi-square at 1e-6: with a right sampler and another seed, this fails once in a million."""
    from scipy.stats import chisquare

    tree = random_tree(5, most=6)
    rng = random.Random(1)
    drawn = Counter(tree.number(tree.assignment(rng.randrange(tree.size))) for _ in range(200 * tree.size))
    counts = [drawn[number] for number in range(tree.size)]
    assert tree.size > 5
    assert chisquare(counts).pvalue > 1e-6
