"""Trees found by asking: constructors here only ask, and build nothing."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from nasflow import choose
from nasflow.errors import SpaceError
from nasflow.families.module.choosing import answering
from nasflow.families.module.tree import Ask, find_tree
from nasflow.spaces import Choices, ChoiceTree


def asking(construct: Callable[[], Any]) -> Ask:
    def ask(wanted: Choices) -> Any:
        with answering(wanted) as answers:
            construct()
        return answers.asked

    return ask


def found(construct: Callable[[], Any]) -> list[tuple[Any, ...]]:
    tree = find_tree(asking(construct))
    return [(c.name, c.values, *((c.parent, c.when) if c.parent else ())) for c in tree]


def holds(tree: ChoiceTree, ask: Ask) -> None:
    """Check that under every assignment, a constructor asks for what the tree has."""
    for number in range(tree.size):
        made = tree.assignment(number)
        assert {name: question.value for name, question in ask(made).items()} == made


def test_no_choices() -> None:
    assert found(lambda: None) == []


def test_choices_that_always_exist() -> None:
    def construct() -> None:
        choose("a", 1, 2)
        choose("b", "x")
        choose("c", True, False)

    assert found(construct) == [("a", (1, 2)), ("b", ("x",)), ("c", (True, False))]


def test_a_loop_as_long_as_a_choice() -> None:
    def construct() -> None:
        for i in range(choose("depth", 1, 2, 3)):
            choose(f"kernel{i}", 3, 5)
        choose("head", "a", "b")

    assert found(construct) == [
        ("depth", (1, 2, 3)),
        ("kernel0", (3, 5)),
        ("kernel1", (3, 5), "depth", (2, 3)),
        ("kernel2", (3, 5), "depth", (3,)),
        ("head", ("a", "b")),
    ]


def test_loops_in_loops_branches_in_branches() -> None:
    def construct() -> None:
        for stage in range(choose("stages", 2, 1, 3)):
            if choose(f"s{stage}.kind", "conv", "pool") == "conv":
                for block in range(choose(f"s{stage}.depth", 0, 2)):
                    if choose(f"s{stage}.b{block}.gate", False, True):
                        choose(f"s{stage}.b{block}.squeeze", 4, 8)
            else:
                choose(f"s{stage}.pool", "max", "average")

    ask = asking(construct)
    tree = find_tree(ask)
    assert tree.by_name["s2.b1.squeeze"].parent == "s2.b1.gate"
    assert tree.by_name["s1.kind"].when == (2, 3)
    per_stage = 1 + 9 + 2
    assert tree.size == per_stage + per_stage**2 + per_stage**3
    for number in random.Random(0).sample(range(tree.size), 200):
        made = tree.assignment(number)
        assert {name: question.value for name, question in ask(made).items()} == made


def test_the_default_may_hold_the_branch() -> None:
    def construct() -> None:
        if choose("on", True, False):
            if choose("kind", "a", "b", "c") in ("a", "c"):
                choose("deep", 1, 2)
            choose("always", 1, 2)

    assert found(construct) == [
        ("on", (True, False)),
        ("kind", ("a", "b", "c"), "on", (True,)),
        ("deep", (1, 2), "kind", ("a", "c")),
        ("always", (1, 2), "on", (True,)),
    ]
    holds(find_tree(asking(construct)), asking(construct))


def test_one_name_in_two_branches_of_one_choice() -> None:
    def construct() -> None:
        kind = choose("kind", "a", "b", "c")
        if kind == "b":
            choose("width", 8, 16)
        if kind == "c":
            choose("width", 8, 16)

    assert found(construct)[1] == ("width", (8, 16), "kind", ("b", "c"))


def test_a_parent_asked_later_than_others() -> None:
    def construct() -> None:
        choose("first", 1, 2)
        kind = choose("kind", "a", "b")
        choose("between", 1, 2)
        if kind == "b":
            choose("last", 1, 2)

    assert [choice[0] for choice in found(construct)] == ["first", "kind", "between", "last"]
    assert found(construct)[3] == ("last", (1, 2), "kind", ("b",))


def _both_defaults() -> None:
    a, b = choose("a", 1, 2), choose("b", 1, 2)
    if a == 1 and b == 1:
        choose("c", 1, 2)


def _both_others() -> None:
    a, b = choose("a", 1, 2), choose("b", 1, 2)
    if a == 2 and b == 2:
        choose("c", 1, 2)


def _either() -> None:
    a, b = choose("a", 1, 2), choose("b", 1, 2)
    if a == 2 or b == 2:
        choose("c", 1, 2)


def _mixed() -> None:
    a, b = choose("a", 1, 2), choose("b", 1, 2, 3)
    if a == 2 and b != 3:
        choose("c", 1, 2)


@pytest.mark.parametrize("construct", [_both_defaults, _both_others, _either, _mixed])
def test_a_choice_that_hangs_on_two_others_is_refused(construct: Callable[[], None]) -> None:
    with pytest.raises(SpaceError, match=r"whether choice 'c' exists depends on .*Ask for 'c' in every case") as raised:
        find_tree(asking(construct))
    named = str(raised.value)
    assert "'a' and 'b'" in named or "'b' and 'a'" in named


def test_a_sum_of_choices_is_refused() -> None:
    def construct() -> None:
        for i in range(choose("a", 1, 2) * choose("b", 1, 2)):
            choose(f"c{i}", 1, 2)

    with pytest.raises(SpaceError, match=r"whether choice 'c\d' exists depends on '[ab]' and '[ab]' at once"):
        find_tree(asking(construct))


def test_a_deep_exception_is_found() -> None:
    """The combination is one in 4 × 27 where the choice exists, and is tried where it does."""

    def construct() -> None:
        other = choose("other", 1, 2, 3, 4)
        if choose("a", 1, 2, 3) == 3 and choose("b", 1, 2, 3) == 3 and choose("c", 1, 2, 3) == 3 and other < 3:
            choose("deep", 1, 2)

    with pytest.raises(SpaceError, match="whether choice 'deep' exists depends on 'c' and 'other' at once"):
        find_tree(asking(construct))


def test_values_that_depend_on_another_choice_are_refused() -> None:
    def construct() -> None:
        wide = choose("wide", False, True)
        choose("width", *((64, 128) if wide else (16, 32)))

    with pytest.raises(SpaceError, match=r"choice 'width' offers \[16, 32\] in one place and \[64, 128\] in another"):
        find_tree(asking(construct))


def test_values_that_depend_on_two_others_are_found_too() -> None:
    def construct() -> None:
        both = choose("a", 1, 2) == choose("b", 1, 2) == 2
        choose("width", *((64,) if both else (16, 32)))

    with pytest.raises(SpaceError, match="choice 'width' offers"):
        find_tree(asking(construct))


def test_names_that_never_repeat_are_refused() -> None:
    counter = itertools.count()

    def construct() -> None:
        for _ in range(20):
            choose(f"c{next(counter)}", 1, 2)

    with pytest.raises(SpaceError, match="more than 1,000 choices; a choice must have the same name each time"):
        find_tree(asking(construct))


def test_the_constructor_is_asked_a_bounded_number_of_times() -> None:
    calls = 0

    def construct() -> None:
        nonlocal calls
        calls += 1
        for i in range(choose("depth", *range(1, 21))):
            choose(f"kernel{i}", 3, 5, 7)

    tree = find_tree(asking(construct))
    assert len(tree.choices) == 21
    assert calls == 1 + 19 + 2 * 20 + 48 + 2 * 19
