"""`choose`: a decision inside an ordinary constructor, answered by whoever constructs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

from nasflow.errors import SpaceError
from nasflow.spaces import Choice, Choices, Scalar

T = TypeVar("T", bound=Scalar)


@dataclass(frozen=True)
class Question:
    """What a constructor asked, and what it was told.

    Attributes:
        values: The values offered.
        value: The one it got.
    """

    values: tuple[Scalar, ...]
    value: Scalar


@dataclass
class Answers:
    """Answers the questions of one construction.

    Attributes:
        wanted: Values by name; a name without one, or with one that is not offered, gets its first value.
        strict: Whether such a question is refused instead.
        open: Whether questions are allowed now.
        asked: The questions so far, in order.
    """

    wanted: Choices
    strict: bool = False
    open: bool = True
    asked: dict[str, Question] = field(default_factory=dict)

    @property
    def made(self) -> dict[str, Scalar]:
        """The values given so far, by name."""
        return {name: question.value for name, question in self.asked.items()}

    def answer(self, name: str, values: tuple[Scalar, ...]) -> Scalar:
        """Return the value of a choice; the same one whenever it is asked for again.

        Raises:
            SpaceError: No question is allowed now, the values differ from those offered before in this construction,
                or, where answers are strict, the wanted value is missing or none of them.
        """
        if not self.open:
            raise SpaceError(f"choose('{name}', …) is called in `forward`; make every choice in the constructor.")
        choice = Choice(name, values)
        if name in self.asked:
            check_alike(name, self.asked[name].values, values)
            return self.asked[name].value
        if self.strict and name not in self.wanted:
            raise SpaceError(f"the network asks for choice '{name}', which its description lacks.")
        value = values[0]
        if name in self.wanted and (self.strict or _offers(choice, self.wanted[name])):
            value = values[choice.index(self.wanted[name])]
        self.asked[name] = Question(values, value)
        return value


_answers: ContextVar[Answers | None] = ContextVar("nasflow_answers", default=None)


def choose(name: str, *values: T) -> T:
    """Return one of some values: a choice of the search space, made in a network's constructor.

    The search decides which value; the first one is the default, and what a network constructed outside a search gets.
    Asked for again in one construction, a name gives the same value.

    Args:
        name: Name of the choice, as in `width` or `stage2.width`; different for each decision.
        values: Texts, numbers or truth values, all different.

    Raises:
        SpaceError: The name or the values cannot be a choice.
    """
    _check(name, values)
    answers = _answers.get()
    if answers is None:
        return values[0]
    value: T = answers.answer(name, values)  # type: ignore[assignment]  # it is one of `values`
    return value


@contextmanager
def answering(wanted: Choices, *, strict: bool = False) -> Iterator[Answers]:
    """Answer every `choose` of this thread, for the length of a `with` statement.

    Args:
        wanted: Values by name.
        strict: Refuse a question that has none that it offers; otherwise it gets its first value.

    Yields:
        The record of what is asked.
    """
    answers = Answers(wanted, strict)
    token = _answers.set(answers)
    try:
        yield answers
    finally:
        _answers.reset(token)


@contextmanager
def refusing() -> Iterator[None]:
    """Refuse every `choose` of this thread, for the length of a `with` statement: a network is run, not constructed."""
    token = _answers.set(Answers({}, open=False))
    try:
        yield
    finally:
        _answers.reset(token)


def check_alike(name: str, before: tuple[Scalar, ...], now: tuple[Scalar, ...]) -> None:
    """Refuse a choice that offers other values than it did before.

    Raises:
        SpaceError: It does.
    """
    if [(type(value), value) for value in before] != [(type(value), value) for value in now]:
        raise SpaceError(
            f"choice '{name}' offers {list(before)} in one place and {list(now)} in another; offer the same values "
            f"everywhere, or give each its own name."
        )


def _offers(choice: Choice, value: Scalar) -> bool:
    return any(value == own and isinstance(value, bool) == isinstance(own, bool) for own in choice.values)


def _check(name: object, values: tuple[object, ...]) -> None:
    if not isinstance(name, str) or not name:
        raise SpaceError(f"choose takes the name of the choice first, as in choose('width', 16, 32), not {name!r}.")
    if len(values) == 1 and isinstance(values[0], list | tuple | range | set | Mapping):
        shown = ", ".join(repr(value) for value in list(values[0])[:3]) or "16, 32"
        raise SpaceError(f"choose('{name}', …) takes the values one by one: choose('{name}', {shown}).")
    if not values:
        raise SpaceError(f"choose('{name}') has no values to choose from; write them after the name.")
    for value in values:
        if not isinstance(value, str | int | float | bool):
            raise SpaceError(
                f"choose('{name}', …) takes texts, numbers and truth values, not {_shown(value)}; choose a name, and "
                f"look up what it stands for."
            )


def _shown(value: object) -> str:
    return value.__name__ if isinstance(value, type) else f"a {type(value).__name__}"
