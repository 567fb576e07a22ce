"""The search space: a family, a tree of choices and constraints."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from nasflow.errors import SpaceError
from nasflow.ids import digest
from nasflow.plugins import nearest
from nasflow.spaces.architecture import Architecture
from nasflow.spaces.choices import Choice, Choices, ChoiceTree, Scalar
from nasflow.spaces.family import Family, NetworkCost, NetworkIO, load_family

SCHEMA_VERSION = 1
_ATTEMPTS = 10_000


@dataclass(frozen=True)
class Bound:
    """Limits on a quantity: `value < less_than` and `value > more_than`, each where given."""

    less_than: float | None = None
    more_than: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value keeps the limits; NaN never does."""
        return (self.less_than is None or value < self.less_than) and (
            self.more_than is None or value > self.more_than
        )

    def __str__(self) -> str:
        """Return the limits as a reader would say them."""
        parts = [f"below {self.less_than:g}"] if self.less_than is not None else []
        return " and ".join(parts + ([f"above {self.more_than:g}"] if self.more_than is not None else []))


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
        restrictions: Mapping[str, list[Scalar]] | None = None,
        constraints: Mapping[str, Bound] | None = None,
    ) -> SearchSpace:
        """Make the space of a family, narrowed by a user's restrictions.

        Raises:
            PluginError: There is no such family.
            SpaceError: A restriction names an unknown choice or value.
            pydantic.ValidationError: The options are not the family's.
        """
        provider = load_family(family)
        validated = provider.Options.model_validate(dict(options or {}))
        choices = provider.choices(validated, io)
        known = {choice.name for choice in choices}
        for name in restrictions or {}:
            if name not in known:
                raise SpaceError(
                    f"space.choices: '{name}' is no choice of family '{family}'; it has "
                    f"{', '.join(sorted(known))}.{nearest(name, known)}"
                )
        narrowed = [c.restricted(restrictions[c.name]) if restrictions and c.name in restrictions else c for c in choices]
        tree = ChoiceTree(_reachable(narrowed))
        return cls(family, io, tree, validated.model_dump(mode="json"), dict(constraints or {}))

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
        made = self.tree.checked(choices)
        return Architecture(self.family, made, self.provider.form(made, self._validated_options))

    def cost(self, architecture: Architecture) -> NetworkCost:
        """Return parameters and FLOPs of an architecture of this space's family."""
        return self.provider.cost(architecture.form, self.io)

    def admits(self, architecture: Architecture) -> bool:
        """Whether an architecture's choices are legal here and it keeps the constraints."""
        try:
            legal = architecture.family == self.family and self.architecture(architecture.choices) == architecture
        except SpaceError:
            return False
        return legal and self.keeps_constraints(architecture)

    def keeps_constraints(self, architecture: Architecture) -> bool:
        """Whether an architecture keeps the constraints."""
        if not self.constraints:
            return True
        cost = asdict(self.cost(architecture))
        return all(bound.holds(cost[name]) for name, bound in self.constraints.items())

    def enumerate(self, start: int = 0) -> Iterator[tuple[int, Architecture]]:
        """Yield number and architecture of every assignment from `start` on that keeps the constraints."""
        for number in range(start, self.size):
            architecture = self.architecture(self.tree.assignment(number))
            if self.keeps_constraints(architecture):
                yield number, architecture

    def canonical_size(self, limit: int = 50_000) -> int | None:
        """Return the number of different networks that keep the constraints, or None in spaces above `limit`."""
        if self.size > limit:
            return None
        return len({architecture.id for _, architecture in self.enumerate()})

    def sample(self, rng: random.Random) -> Architecture:
        """Draw uniformly from the assignments that keep the constraints.

        Raises:
            SpaceError: In 10,000 draws none kept the constraints.
        """
        for _ in range(_ATTEMPTS):
            architecture = self.architecture(self.tree.assignment(rng.randrange(self.size)))
            if self.keeps_constraints(architecture):
                return architecture
        limits = ", ".join(f"{name} {bound}" for name, bound in self.constraints.items())
        raise SpaceError(
            f"space.constraints: none of {_ATTEMPTS} sampled networks has {limits}; "
            f"the last one had {self.cost(architecture)}. Widen the constraint or narrow the choices."
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
        """
        if document.get("schema_version") != SCHEMA_VERSION:
            raise SpaceError(f"a space of schema version {document.get('schema_version')} cannot be read; expected 1.")
        return cls(
            document["family"],
            NetworkIO(**document["io"]),
            ChoiceTree(tuple(Choice.from_json(c) for c in document["choices"])),
            document["options"],
            {name: Bound(**bound) for name, bound in document["constraints"].items()},
        )


def _reachable(choices: list[Choice]) -> tuple[Choice, ...]:
    """Drop the choices whose condition a restriction has made impossible."""
    values: dict[str, set[tuple[str, Scalar]]] = {}
    kept = []
    for choice in choices:
        if choice.parent is not None:
            possible = values.get(choice.parent, set())
            if not possible & {(type(w).__name__, w) for w in choice.when}:
                continue
        values[choice.name] = {(type(v).__name__, v) for v in choice.values}
        kept.append(choice)
    return tuple(kept)
