from __future__ import annotations

import threading
from typing import Any

import pytest

from nasflow import choose
from nasflow.errors import SpaceError
from nasflow.families.module.choosing import Answers, Question, answering, check_alike, refusing


def test_outside_a_family_it_is_the_first_value() -> None:
    assert choose("width", 16, 32) == 16
    assert choose("act", "relu") == "relu"


def test_wanted_values_are_given_and_all_questions_recorded() -> None:
    with answering({"width": 32, "unasked": 1}) as answers:
        assert choose("width", 16, 32) == 32
        assert choose("depth", 1, 2) == 1
    assert answers.asked == {"width": Question((16, 32), 32), "depth": Question((1, 2), 1)}
    assert answers.made == {"width": 32, "depth": 1}
    assert choose("width", 16, 32) == 16


def test_a_value_keeps_the_type_it_was_offered_with() -> None:
    with answering({"rate": 1, "deep": True}):
        assert type(choose("rate", 0.5, 1.0)) is float
        assert choose("deep", False, True) is True


def test_the_same_name_gives_the_same_value() -> None:
    with answering({"width": 32}) as answers:
        assert [choose("width", 16, 32) for _ in range(3)] == [32, 32, 32]
    assert list(answers.asked) == ["width"]


def test_other_values_under_one_name_are_refused() -> None:
    with answering({}):
        choose("width", 16, 32)
        with pytest.raises(SpaceError, match=r"choice 'width' offers \[16, 32\] in one place and \[16\] in another"):
            choose("width", 16)


@pytest.mark.parametrize("now", [(1, 2), (True, False), (1.0, 0.0)])
def test_values_are_alike_with_their_types(now: tuple[Any, ...]) -> None:
    check_alike("x", (1, 0), (1, 0))
    with pytest.raises(SpaceError, match="give each its own name"):
        check_alike("x", (1, 0), now)


def test_a_wanted_value_must_be_offered() -> None:
    with (
        answering({"width": 33}, strict=True),
        pytest.raises(SpaceError, match=r"width: 33 is none of \[16, 32\]"),
    ):
        choose("width", 16, 32)


@pytest.mark.parametrize("value", [33, True, "16"])
def test_where_it_need_not_be_the_first_value_is_given(value: Any) -> None:
    with answering({"width": value}):
        assert choose("width", 8, 16, 1) == 8


def test_strictly_every_question_needs_a_value() -> None:
    with answering({"width": 32}, strict=True):
        assert choose("width", 16, 32) == 32
        with pytest.raises(SpaceError, match="asks for choice 'depth'"):
            choose("depth", 1, 2)


def test_nothing_may_be_asked_while_a_network_runs() -> None:
    with refusing(), pytest.raises(SpaceError, match=r"'width', …\) is called in `forward`"):
        choose("width", 16, 32)
    assert choose("width", 16, 32) == 16


def test_answers_end_with_an_exception_too() -> None:
    with pytest.raises(ZeroDivisionError), answering({"width": 32}):
        raise ZeroDivisionError
    assert choose("width", 16, 32) == 16


def test_another_thread_is_not_answered() -> None:
    found: list[int] = []
    with answering({"width": 32}):
        thread = threading.Thread(target=lambda: found.append(choose("width", 16, 32)))
        thread.start()
        thread.join()
    assert found == [16]


def test_constructions_within_one_another_are_apart() -> None:
    with answering({"width": 32}) as outer:
        with answering({"width": 16}):
            assert choose("width", 16, 32) == 16
        assert choose("width", 16, 32) == 32
    assert outer.made == {"width": 32}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("width",), r"choose\('width'\) has no values to choose from; write them after the name\."),
        (("width", [16, 32]), r"choose\('width', …\) takes the values one by one: choose\('width', 16, 32\)\."),
        (("width", range(1, 9)), r"one by one: choose\('width', 1, 2, 3\)"),
        ((16, 32), r"choose takes the name of the choice first, as in choose\('width', 16, 32\), not 16\."),
        (("", 1), "takes the name of the choice first"),
        (("act", "relu", threading.Thread), r"not Thread; choose a name, and look up what it stands for\."),
        (("x", 1, None), "takes texts, numbers and truth values, not a NoneType;"),
        (("x", 1, (2, 3)), "not a tuple;"),
    ],
)
def test_what_cannot_be_a_choice(arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(SpaceError, match=sentence):
        choose(*arguments)


def test_a_value_twice() -> None:
    with pytest.raises(SpaceError, match="lists a value twice"):
        Answers({}).answer("x", (1, 1))
