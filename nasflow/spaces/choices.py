"""A tree of named choices: counting it, numbering its assignments, and checking them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nasflow.errors import SpaceError
from nasflow.plugins import nearest

Scalar = str | int | float | bool
Choices = Mapping[str, Scalar]


@dataclass(frozen=True)
class Choice:
    """One decision of a space.

    Attributes:
        name: Dotted name, as in `stage2.width`.
        values: The values to choose from, all different; the first one is the default.
        parent: Name of the choice that this one hangs on, or None.
        when: Values of the parent for which this choice exists.

    Raises:
        SpaceError: No values, repeated values, or a parent without `when`.
    """

    name: str
    values: tuple[Scalar, ...]
    parent: str | None = None
    when: tuple[Scalar, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be chosen from."""
        if not self.values:
            raise SpaceError(f"{self.name}: needs at least one value to choose from.")
        if len({_key(v) for v in self.values}) < len(self.values):
            raise SpaceError(f"{self.name}: lists a value twice: {list(self.values)}.")
        if (self.parent is None) != (not self.when):
            raise SpaceError(f"{self.name}: `parent` and `when` go together, not {self.parent} and {self.when}.")

    def index(self, value: Scalar) -> int:
        """Return the place of a value; types count (True is not 1).

        Raises:
            SpaceError: The value is none of the choice's own.
        """
        for place, own in enumerate(self.values):
            if _key(own) == _key(value):
                return place
        raise SpaceError(
            f"{self.name}: {value!r} is none of {list(self.values)}.{nearest(value, self.values)}"
        )

    def restricted(self, values: list[Scalar]) -> Choice:
        """Return this choice with some of its values left, in the choice's own order.

        Raises:
            SpaceError: A value is not the choice's own, is repeated, or none is left.
        """
        places = [self.index(value) for value in values]
        if not places or len(set(places)) < len(places):
            raise SpaceError(f"{self.name}: needs different values out of {list(self.values)}, not {values}.")
        return Choice(self.name, tuple(self.values[i] for i in sorted(places)), self.parent, self.when)

    def to_json(self) -> dict[str, Any]:
        """Return the choice as JSON-compatible data."""
        hangs = {"parent": self.parent, "when": list(self.when)} if self.parent else {}
        return {"name": self.name, "values": list(self.values), **hangs}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Choice:
        """Read back what `to_json` gave."""
        return cls(
            document["name"],
            tuple(document["values"]),
            document.get("parent"),
            tuple(document.get("when", ())),
        )


@dataclass(frozen=True)
class ChoiceTree:
    """Choices in order, each after the one that it hangs on.

    Assignments are numbered from 0 in the mixed-radix order of the choices, the first choice slowest, so that one random
    integer is one uniform sample, and counting up is an exhaustive search.

    Raises:
        SpaceError: Two choices share a name, or one comes before the choice that it hangs on.
    """

    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        """Refuse a tree whose branches hang in the air."""
        known: dict[str, Choice] = {}
        for choice in self.choices:
            if choice.name in known:
                raise SpaceError(f"{choice.name}: is declared twice.")
            if choice.parent is not None:
                if choice.parent not in known:
                    raise SpaceError(f"{choice.name}: hangs on '{choice.parent}', which is not declared before it.")
            known[choice.name] = choice

    @cached_property
    def by_name(self) -> dict[str, Choice]:
        """The choices by name."""
        return {choice.name: choice for choice in self.choices}

    @cached_property
    def _children(self) -> dict[str | None, list[Choice]]:
        children: dict[str | None, list[Choice]] = {None: []} | {c.name: [] for c in self.choices}
        for choice in self.choices:
            children[choice.parent].append(choice)
        return children

    @cached_property
    def _counts(self) -> dict[str, tuple[int, ...]]:
        """For each choice and value: the number of assignments of its branch."""
        counts: dict[str, tuple[int, ...]] = {}
        for choice in reversed(self.choices):
            counts[choice.name] = tuple(
                math.prod(sum(counts[child.name]) for child in self._below(choice, value))
                for value in choice.values
            )
        return counts

    def _below(self, choice: Choice, value: Scalar) -> list[Choice]:
        return [c for c in self._children[choice.name] if _key(value) in {_key(w) for w in c.when}]

    @cached_property
    def size(self) -> int:
        """Number of assignments."""
        return math.prod(sum(self._counts[root.name]) for root in self._children[None])

    def active(self, choices: Choices) -> list[Choice]:
        """Return the choices that exist under the values made, in tree order; a missing value ends its branch."""
        alive: list[Choice] = []
        made: set[str] = set()
        for choice in self.choices:
            if choice.parent is None or (
                choice.parent in made and _key(choices[choice.parent]) in {_key(w) for w in choice.when}
            ):
                alive.append(choice)
                if choice.name in choices:
                    made.add(choice.name)
        return alive

    def checked(self, choices: Choices) -> dict[str, Scalar]:
        """Return the assignment in tree order.

        Raises:
            SpaceError: A name is unknown, a choice that exists has no value, one that does not exist has one, or a value is
                not among the choice's own.
        """
        for name in choices:
            if name not in self.by_name:
                raise SpaceError(f"'{name}' is no choice of this space.{nearest(name, self.by_name)}")
        made: dict[str, Scalar] = {}
        for choice in self.active(choices):
            if choice.name not in choices:
                raise SpaceError(f"{choice.name}: has no value; choose one of {list(choice.values)}.")
            made[choice.name] = choice.values[choice.index(choices[choice.name])]
        extra = [name for name in choices if name not in made]
        if extra:
            raise SpaceError(f"{extra[0]}: does not exist where {self.by_name[extra[0]].parent} has its value.")
        return made

    def assignment(self, number: int) -> dict[str, Scalar]:
        """Return the assignment of a number in [0, size).

        Raises:
            SpaceError: The number is outside.
        """
        if not 0 <= number < self.size:
            raise SpaceError(f"assignment {number} does not exist; the space has {self.size}.")
        found = self._unrank(self._children[None], number)
        return {c.name: found[c.name] for c in self.choices if c.name in found}

    def _unrank(self, branch: list[Choice], number: int) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {}
        for choice in reversed(branch):
            number, rest = divmod(number, sum(self._counts[choice.name]))
            place = 0
            while rest >= self._counts[choice.name][place]:
                rest -= self._counts[choice.name][place]
                place += 1
            value = choice.values[place]
            found[choice.name] = value
            found |= self._unrank(self._below(choice, value), rest)
        return found

    def number(self, choices: Choices) -> int:
        """Return the number of an assignment; the inverse of `assignment`.

        Raises:
            SpaceError: The assignment is not legal.
        """
        return self._rank(self._children[None], self.checked(choices))

    def _rank(self, branch: list[Choice], made: Choices) -> int:
        total = 0
        for choice in branch:
            place = choice.index(made[choice.name])
            rest = self._rank(self._below(choice, made[choice.name]), made)
            total = total * sum(self._counts[choice.name]) + sum(self._counts[choice.name][:place]) + rest
        return total

    def __iter__(self) -> Iterator[Choice]:
        """Iterate over the choices in order."""
        return iter(self.choices)


def _key(value: Scalar) -> tuple[str, Scalar]:
    return (type(value).__name__, value)
