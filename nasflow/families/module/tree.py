"""The tree of choices behind a constructor, found by asking it: first values first, then each value of each choice."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nasflow.errors import SpaceError
from nasflow.families.module.choosing import Question, check_alike
from nasflow.spaces import Choice, Choices, ChoiceTree, Scalar

MOST_CHOICES = 1000

Run = Mapping[str, Question]
"""What one construction asked, in order."""

Ask = Callable[[Choices], Run]
"""Constructs with the values given, and with first values elsewhere; says what was asked."""

_RANDOM = 48
_RANDOM_A_CHOICE = 2


@dataclass
class _Seen:
    """A choice as it was first met.

    Attributes:
        values: What it offers.
        run: The construction that asked for it first.
        cause: The choice whose other value brought that construction about, if any.
        flips: What is asked with each of its values, all others as in `run`.
    """

    values: tuple[Scalar, ...]
    run: Run
    cause: str | None
    flips: list[Run] = field(default_factory=list)


def find_tree(ask: Ask) -> ChoiceTree:
    """Return the tree whose existing choices are, under every assignment tried, exactly those a constructor asks for.

    Each value of each choice is tried once, in the situation where the choice was first met; what appears or vanishes
    by it hangs on it. The tree is then checked on random assignments, the same at each call, among them some in which
    each choice exists.

    Raises:
        SpaceError: A choice hangs on two others, or offers different values at different times; or what `ask` raises.
    """
    explored = _Exploration(ask)
    tree = explored.tree()
    for run in explored.runs:
        explored.compare(tree, run)
    rng = random.Random(0)
    for wanted in _trials(tree, rng):
        explored.compare(tree, ask(wanted), wanted)
    return tree


class _Exploration:
    """All that asking a constructor with one changed choice at a time brings to light."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.seen: dict[str, _Seen] = {}
        self.order: list[str] = []
        self.runs: list[Run] = []
        self._waiting: deque[str] = deque()
        self._note(ask({}), None)
        while self._waiting:
            self._flip(self._waiting.popleft())

    def _note(self, run: Run, cause: str | None) -> None:
        self.runs.append(run)
        before: str | None = None
        for name, question in run.items():
            if name in self.seen:
                check_alike(name, self.seen[name].values, question.values)
            else:
                self.seen[name] = _Seen(question.values, run, cause)
                self.order.insert(self.order.index(before) + 1 if before else 0, name)
                self._waiting.append(name)
            before = name
        if len(self.seen) > MOST_CHOICES:
            raise SpaceError(
                f"the constructor asks for more than {MOST_CHOICES:,} choices; a choice must have the same name each "
                f"time the network is constructed."
            )

    def _flip(self, name: str) -> None:
        seen = self.seen[name]
        given = {other: question.value for other, question in seen.run.items()}
        for place, value in enumerate(seen.values):
            run = self.ask({**given, name: value}) if place else seen.run
            seen.flips.append(run)
            if place:
                self._note(run, name)

    def tree(self) -> ChoiceTree:
        """Return the tree that explains what appeared and vanished."""
        placed: dict[str, Choice] = {}
        for name in self.order:
            self._place(name, placed)
        return ChoiceTree(tuple(placed.values()))

    def _place(self, name: str, placed: dict[str, Choice]) -> None:
        if name in placed:
            return
        seen, parent = self.seen[name], self._parent(name)
        if parent is None:
            placed[name] = Choice(name, seen.values)
            return
        self._place(parent, placed)
        above = self.seen[parent]
        when = tuple(value for value, run in zip(above.values, above.flips, strict=True) if name in run)
        placed[name] = Choice(name, seen.values, parent, when)

    def _parent(self, name: str) -> str | None:
        """Return the choice asked last of those without which this one is not asked."""
        seen = self.seen[name]
        parent = seen.cause
        for other in seen.run:
            if other == name:
                break
            near = self.seen[other]
            if near.run is seen.run and any(name not in run for run in near.flips):
                parent = other
        return parent

    def compare(self, tree: ChoiceTree, run: Run, wanted: Choices | None = None) -> None:
        """Refuse a construction that asked for other choices than the tree has under the values it got.

        Args:
            tree: The tree.
            run: What was asked.
            wanted: The whole assignment it was given, where that was one of the tree's.

        Raises:
            SpaceError: It did.
        """
        made = {name: question.value for name, question in run.items()}
        for name, question in run.items():
            if name in self.seen:
                check_alike(name, self.seen[name].values, question.values)
        expected = {choice.name for choice in tree.active(wanted or made)}
        differing = [name for name in (*self.order, *run) if (name in run) != (name in expected)]
        if differing:
            raise SpaceError(self._refusal(differing[0], tree, wanted or made))

    def _refusal(self, name: str, tree: ChoiceTree, bad: Choices) -> str:
        parent = tree.by_name[name].parent if name in tree.by_name else None
        culprits = dict.fromkeys(other for other in (parent, *self._turning(name, bad)) if other not in (None, name))
        others = " and ".join(f"'{other}'" for other in culprits)
        hangs = f"on {others} at once" if len(culprits) > 1 else "on more than one other choice"
        return (
            f"whether choice '{name}' exists depends {hangs}; a choice may hang on the value of one other choice only. "
            f"Ask for '{name}' in every case and leave it unused where it does not apply, or give it a name of its own "
            f"in each branch."
        )

    def _turning(self, name: str, bad: Choices) -> list[str]:
        """Return the choices that make the difference in a surprise: changed back to how the choice was first met."""
        start = self.seen[name].run if name in self.seen else self.runs[0]
        there = name in self.ask(bad)
        turning = []
        for other in bad:
            if other in self.seen:
                before = start[other].value if other in start else self.seen[other].values[0]
                if (name in self.ask({**bad, other: before})) != there:
                    turning.append(other)
        return turning


def _trials(tree: ChoiceTree, rng: random.Random) -> list[dict[str, Scalar]]:
    """Return random assignments: some at large, and some for each choice that hangs on another, in which it exists."""
    drawn = [tree.completed({}, rng) for _ in range(_RANDOM)] if tree.size > 1 else []
    for choice in tree:
        if choice.parent is not None:
            for _ in range(_RANDOM_A_CHOICE):
                drawn.append(tree.completed(_chain(tree, choice, rng), rng))
    return drawn


def _chain(tree: ChoiceTree, choice: Choice, rng: random.Random) -> dict[str, Scalar]:
    """Return values under which a choice exists."""
    wanted: dict[str, Scalar] = {}
    while choice.parent is not None:
        wanted[choice.parent] = rng.choice(choice.when)
        choice = tree.by_name[choice.parent]
    return wanted
