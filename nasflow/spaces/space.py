"""The search space: a family, a tree of choices and constraints."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from nasflow.errors import SpaceError, damaged
from nasflow.ids import digest
from nasflow.plugins import nearest
from nasflow.spaces.architecture import Architecture
from nasflow.spaces.beside import RESOLUTION, check_names, divided
from nasflow.spaces.choices import Choice, Choices, ChoiceTree, Scalar
from nasflow.spaces.family import Family, NetworkCost, NetworkIO, known_cost, load_family, seen_by

SCHEMA_VERSION = 1

ENUMERABLE = 50_000
"""Assignments up to which a space is gone through one by one where sampling does not help (seconds, at most)."""

_RUNS = 4
"""Random networks that are tried at each resolution, beside the default one."""


@dataclass(frozen=True)
class Bound:
    """Limits on a quantity: `value < less_than` and `value > more_than`, each where given."""

    less_than: float | None = None
    more_than: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value keeps the limits; NaN never does."""
        return (
            not math.isnan(value)
            and (self.less_than is None or value < self.less_than)
            and (self.more_than is None or value > self.more_than)
        )

    def __str__(self) -> str:
        """Return the limits as a reader would say them."""
        limits = (("below", self.less_than), ("above", self.more_than))
        return " and ".join(f"{word} {limit:,.12g}" for word, limit in limits if limit is not None)


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """The networks that a search may propose.

    Attributes:
        family: Name of the family.
        io: What goes into each network and what comes out.
        tree: The choices.
        options: The family's options, validated, as JSON-compatible data.
        constraints: Limits on `parameters` and `flops`.
    """

    family: str
    io: NetworkIO
    tree: ChoiceTree
    options: Mapping[str, Any] = field(default_factory=dict)
    constraints: Mapping[str, Bound] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        family: str,
        io: NetworkIO,
        options: Mapping[str, Any] | None = None,
        *,
        restrictions: Mapping[str, list[Scalar]] | None = None,
        constraints: Mapping[str, Bound] | None = None,
        beside: Iterable[Choice] = (),
    ) -> SearchSpace:
        """Make the space of a family, narrowed by a user's restrictions, with the choices that stand beside it.

        Args:
            family: Name of the family.
            io: What goes into each network and what comes out.
            options: The family's options.
            restrictions: Narrower values for some of the family's choices.
            constraints: Limits on `parameters` and `flops`.
            beside: The resolution and the recipe, where they are searched as well; see `nasflow.spaces.beside`.

        Raises:
            PluginError: There is no such family.
            SpaceError: A restriction names an unknown choice or value, or a network fails at a resolution offered.
            pydantic.ValidationError: The options are not the family's.
        """
        provider = load_family(family)
        validated = provider.Options.model_validate(dict(options or {}))
        offered = tuple(provider.choices(validated, io))
        check_names(family, offered)
        whole = ChoiceTree((*offered, *beside))
        restrictions = restrictions or {}
        for name in restrictions:
            if name not in whole.by_name:
                raise SpaceError(
                    f"space.choices: '{name}' is no choice of family '{family}'; it has "
                    f"{', '.join(sorted(whole.by_name))}.{nearest(name, whole.by_name)}"
                )
        narrowed = (c.restricted(restrictions[c.name]) if c.name in restrictions else c for c in whole)
        tree = ChoiceTree(_reachable(narrowed))
        space = cls(family, io, tree, validated.model_dump(mode="json"), dict(constraints or {}))
        space._check_resolutions()
        return space

    def _check_resolutions(self) -> None:
        """Let the family try some networks at each resolution: it has seen the size of the stored images alone.

        Raises:
            SpaceError: One fails, or gives no logits.
        """
        check = getattr(self.provider, "check_outputs", None)
        if check is None or RESOLUTION not in self.tree.by_name:
            return
        rng = random.Random(0)
        for size in self.tree.by_name[RESOLUTION].values:
            wanted = {RESOLUTION: size}
            drawn = [self.tree.completed(wanted), *(self.tree.completed(wanted, rng) for _ in range(_RUNS))]
            for architecture in map(self._made, drawn):
                check(architecture.form, seen_by(architecture, self.io))

    @cached_property
    def provider(self) -> Family:
        """The family itself."""
        return load_family(self.family)

    @cached_property
    def _validated_options(self) -> Any:
        return self.provider.Options.model_validate(dict(self.options))

    @property
    def size(self) -> int:
        """Number of assignments, before constraints."""
        return self.tree.size

    @cached_property
    def id(self) -> str:
        """Hash of the whole space."""
        return digest(self.to_json())

    def architecture(self, choices: Choices) -> Architecture:
        """Return the architecture of an assignment.

        Raises:
            SpaceError: The assignment is not legal in this space. Constraints are not checked: see `admits`.
        """
        return self._made(self.tree.checked(choices))

    def at(self, number: int) -> Architecture:
        """Return the architecture of a numbered assignment, from 0 to `size` - 1; see `ChoiceTree`.

        Raises:
            SpaceError: The number is outside. Constraints are not checked.
        """
        return self._made(self.tree.assignment(number))

    def _made(self, choices: dict[str, Scalar]) -> Architecture:
        own, resolution, recipe = divided(choices)
        form = self.provider.form(own, self._validated_options)
        return Architecture(self.family, choices, form, None if resolution == self.io.size else resolution, recipe)

    def cost(self, architecture: Architecture) -> NetworkCost:
        """Return parameters and FLOPs of an architecture of this space's family."""
        return self.provider.cost(architecture.form, seen_by(architecture, self.io))

    def known_cost(self, architecture: Architecture) -> NetworkCost | None:
        """Return parameters and FLOPs, or None where the family fails at the network; see `spaces.known_cost`."""
        return known_cost(lambda: self.cost(architecture))

    def admits(self, architecture: Architecture) -> bool:
        """Whether an architecture's choices are legal here and it keeps the constraints."""
        try:
            legal = architecture.family == self.family and self.architecture(architecture.choices) == architecture
        except SpaceError:
            return False
        return legal and self.keeps_constraints(architecture)

    def keeps_constraints(self, architecture: Architecture) -> bool:
        """Whether an architecture keeps the constraints; where its cost cannot be told, it keeps none."""
        if not self.constraints:
            return True
        cost = self.known_cost(architecture)
        return cost is not None and all(bound.holds(getattr(cost, name)) for name, bound in self.constraints.items())

    def enumerate(self, start: int = 0) -> Iterator[tuple[int, Architecture]]:
        """Yield number and architecture of every assignment from `start` on that keeps the constraints."""
        for number in range(start, self.size):
            architecture = self.at(number)
            if self.keeps_constraints(architecture):
                yield number, architecture

    def canonical_size(self, limit: int = ENUMERABLE) -> int | None:
        """Return the number of different networks that keep the constraints, or None in spaces above `limit`."""
        if self.size > limit:
            return None
        return len({architecture.id for _, architecture in self.enumerate()})

    def sample(self, rng: random.Random) -> Architecture:
        """Draw uniformly from the assignments that keep the constraints.

        Raises:
            SpaceError: None keeps the constraints; in a space of more than 50,000 assignments: none of 10,000 drawn.
        """
        attempts = 1_000 if self.size <= ENUMERABLE else 10_000
        for _ in range(attempts):
            architecture = self.at(rng.randrange(self.size))
            if self.keeps_constraints(architecture):
                return architecture
        kept = [number for number, _ in self.enumerate()] if self.size <= ENUMERABLE else []
        if kept:
            return self.at(rng.choice(kept))
        raise SpaceError(self._nothing_keeps_constraints(rng, attempts))

    def _nothing_keeps_constraints(self, rng: random.Random, attempts: int) -> str:
        drawn = (self.known_cost(self.at(rng.randrange(self.size))) for _ in range(100))
        costs = [cost for cost in drawn if cost is not None]
        limits = " and ".join(f"{name} {bound}" for name, bound in self.constraints.items())
        ranges = ", ".join(
            f"{name} from {min(values):,} to {max(values):,}"
            for name in self.constraints
            for values in [[getattr(cost, name) for cost in costs]]
            if values
        )
        seen = ranges or "no cost, since they fail"
        which = f"none of the space's {self.size:,}" if self.size <= ENUMERABLE else f"none of {attempts:,} sampled"
        return (
            f"space.constraints: {which} networks has {limits}; sampled ones have {seen}. "
            f"Widen the constraint, or offer other values in space.choices."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the space as JSON-compatible data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "family": self.family,
            "io": asdict(self.io),
            "choices": [choice.to_json() for choice in self.tree],
            "options": dict(self.options),
            "constraints": {name: asdict(bound) for name, bound in sorted(self.constraints.items())},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SearchSpace:
        """Read back what `to_json` gave.

        Raises:
            SpaceError: The document is not one of this version.
            IntegrityError: It lacks a part, or has too much.
        """
        with damaged("the search space"):
            if document.get("schema_version") != SCHEMA_VERSION:
                known = document.get("schema_version")
                raise SpaceError(f"a space of schema version {known} cannot be read; expected {SCHEMA_VERSION}.")
            return cls(
                document["family"],
                NetworkIO(**document["io"]),
                ChoiceTree(tuple(Choice.from_json(c) for c in document["choices"])),
                document["options"],
                {name: Bound(**bound) for name, bound in document["constraints"].items()},
            )


def _reachable(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Drop the choices whose condition a restriction has made impossible, and what hangs on them."""
    kept: dict[str, Choice] = {}
    for choice in choices:
        parent = kept.get(choice.parent) if choice.parent is not None else None
        if choice.parent is None or (parent is not None and any(choice.hangs_on(value) for value in parent.values)):
            kept[choice.name] = choice
    return tuple(kept.values())
