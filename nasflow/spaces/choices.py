"""A tree of named choices: counting it, numbering its assignments, and checking them."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
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
        if len(self._places) < len(self.values):
            raise SpaceError(f"{self.name}: lists a value twice: {list(self.values)}.")
        if (self.parent is None) != (not self.when):
            raise SpaceError(f"{self.name}: `parent` and `when` go together, not {self.parent} and {self.when}.")

    @cached_property
    def _places(self) -> dict[tuple[bool, Scalar], int]:
        return {_key(value): place for place, value in enumerate(self.values)}

    @cached_property
    def _when(self) -> frozenset[tuple[bool, Scalar]]:
        return frozenset(_key(value) for value in self.when)

    def exists(self, made: Choices) -> bool:
        """Whether the choice exists under the values made so far."""
        return self.parent is None or (self.parent in made and _key(made[self.parent]) in self._when)

    def hangs_on(self, value: Scalar) -> bool:
        """Whether the choice exists where its parent has a value."""
        return _key(value) in self._when

    def index(self, value: Scalar) -> int:
        """Return the place of a value; 1 and 1.0 are the same, True is neither.

        Raises:
            SpaceError: The value is none of the choice's own.
        """
        try:
            return self._places[_key(value)]
        except (KeyError, TypeError):  # TypeError: a list or mapping, out of a damaged document
            close = nearest(value, self.values)
            raise SpaceError(f"{self.name}: {value!r} is none of {list(self.values)}.{close}") from None

    def restricted(self, values: Sequence[Scalar]) -> Choice:
        """Return this choice with some of its values left, in the choice's own order.

        Raises:
            SpaceError: A value is not the choice's own, is repeated, or none is left.
        """
        places = [self.index(value) for value in values]
        if not places or len(set(places)) < len(places):
            raise SpaceError(f"{self.name}: needs different values out of {list(self.values)}, not {list(values)}.")
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

    Assignments are numbered from 0 in the mixed-radix order of the choices, the first choice slowest, so that one
    random integer is one uniform sample, and counting up is an exhaustive search.

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
            if choice.parent is not None and choice.parent not in known:
                raise SpaceError(f"{choice.name}: hangs on '{choice.parent}', which is not declared before it.")
            known[choice.name] = choice

    @cached_property
    def by_name(self) -> dict[str, Choice]:
        """The choices by name."""
        return {choice.name: choice for choice in self.choices}

    @cached_property
    def _roots(self) -> tuple[Choice, ...]:
        return tuple(choice for choice in self.choices if choice.parent is None)

    @cached_property
    def _below(self) -> dict[str, tuple[tuple[Choice, ...], ...]]:
        """For each choice and place of a value: the choices that hang directly on it."""
        children: dict[str, list[Choice]] = {choice.name: [] for choice in self.choices}
        for choice in self.choices:
            if choice.parent is not None:
                children[choice.parent].append(choice)
        return {
            choice.name: tuple(
                tuple(child for child in children[choice.name] if child.hangs_on(value)) for value in choice.values
            )
            for choice in self.choices
        }

    @cached_property
    def _starts(self) -> dict[str, tuple[int, ...]]:
        """For each choice: where the numbers of each value start within its branch; last, the branch's size."""
        starts: dict[str, tuple[int, ...]] = {}
        for choice in reversed(self.choices):
            sizes = (math.prod(starts[child.name][-1] for child in below) for below in self._below[choice.name])
            starts[choice.name] = tuple(accumulate(sizes, initial=0))
        return starts

    @cached_property
    def size(self) -> int:
        """Number of assignments."""
        return math.prod(self._starts[root.name][-1] for root in self._roots)

    def active(self, choices: Choices) -> list[Choice]:
        """Return the choices that exist under the values made, in tree order; a missing value ends its branch."""
        alive: list[Choice] = []
        made: dict[str, Scalar] = {}
        for choice in self.choices:
            if choice.exists(made):
                alive.append(choice)
                if choice.name in choices:
                    made[choice.name] = choices[choice.name]
        return alive

    def checked(self, choices: Choices) -> dict[str, Scalar]:
        """Return the assignment in tree order, each value as the tree has it.

        Raises:
            SpaceError: A name is unknown, a choice that exists has no value, one that does not exist has one, or a
                value is not among the choice's own.
        """
        if not choices.keys() <= self.by_name.keys():
            unknown = next(name for name in choices if name not in self.by_name)
            raise SpaceError(f"'{unknown}' is no choice of this space.{nearest(unknown, self.by_name)}")
        made: dict[str, Scalar] = {}
        for choice in self.choices:
            if not choice.exists(made):
                continue
            if choice.name not in choices:
                raise SpaceError(f"{choice.name}: has no value; choose one of {list(choice.values)}.")
            made[choice.name] = choice.values[choice.index(choices[choice.name])]
        if len(made) < len(choices):
            extra = next(self.by_name[name] for name in choices if name not in made)
            raise SpaceError(f"{extra.name}: does not exist unless {extra.parent} is one of {list(extra.when)}.")
        return made

    def completed(self, wanted: Choices, rng: random.Random | None = None) -> dict[str, Scalar]:
        """Return the assignment with the wanted values as far as they exist.

        Args:
            wanted: Values for some choices, or for all; those of choices that do not exist are left out.
            rng: Draws the values that are not given, each value of a choice as likely as another; without it they take
                their defaults.

        Raises:
            SpaceError: A wanted value is not among its choice's own.
        """
        made: dict[str, Scalar] = {}
        for choice in self.choices:
            if not choice.exists(made):
                continue
            if choice.name in wanted:
                made[choice.name] = choice.values[choice.index(wanted[choice.name])]
            else:
                made[choice.name] = rng.choice(choice.values) if rng is not None else choice.values[0]
        return made

    def assignment(self, number: int) -> dict[str, Scalar]:
        """Return the assignment of a number in [0, size).

        Raises:
            SpaceError: The number is outside.
        """
        if not 0 <= number < self.size:
            raise SpaceError(f"assignment {number} does not exist; the space has {self.size}.")
        found: dict[str, Scalar] = {}
        self._unrank(self._roots, number, found)
        return {choice.name: found[choice.name] for choice in self.choices if choice.name in found}

    def _unrank(self, branch: tuple[Choice, ...], number: int, found: dict[str, Scalar]) -> None:
        for choice in reversed(branch):
            starts = self._starts[choice.name]
            number, rest = divmod(number, starts[-1])
            place = bisect_right(starts, rest) - 1
            found[choice.name] = choice.values[place]
            self._unrank(self._below[choice.name][place], rest - starts[place], found)

    def number(self, choices: Choices) -> int:
        """Return the number of an assignment; the inverse of `assignment`.

        Raises:
            SpaceError: The assignment is not legal.
        """
        return self._rank(self._roots, self.checked(choices))

    def _rank(self, branch: tuple[Choice, ...], made: Choices) -> int:
        total = 0
        for choice in branch:
            starts = self._starts[choice.name]
            place = choice.index(made[choice.name])
            total = total * starts[-1] + starts[place] + self._rank(self._below[choice.name][place], made)
        return total

    def __iter__(self) -> Iterator[Choice]:
        """Iterate over the choices in order."""
        return iter(self.choices)


def _key(value: Scalar) -> tuple[bool, Scalar]:
    """Tell True from 1, which Python takes for equal; 1 and 1.0, which JSON and YAML mix up, stay one value."""
    return (isinstance(value, bool), value)
