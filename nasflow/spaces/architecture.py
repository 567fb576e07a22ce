"""A network as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nasflow.errors import IntegrityError
from nasflow.ids import digest
from nasflow.spaces.choices import Scalar

Form = Mapping[str, Any]
"""JSON-compatible description of a network, complete and the same for equivalent networks."""


@dataclass(frozen=True, eq=False)
class Architecture:
    """One network of a family, with what a search varies beside it.

    Two architectures are equal when their canonical forms are, and their resolutions and recipes, whatever choices led
    there; networks, costs and drawings are made from the form and the resolution alone.

    Attributes:
        family: Name of the family.
        choices: The values chosen, legal in the space they were drawn from; empty for a reference network.
        form: The canonical form.
        resolution: Height and width in pixels to which the network resizes its images first; None where it takes them
            as they are stored.
        recipe: Training settings that this network is trained with in place of the search's own, by their names in
            the section `training`, as in `learning_rate` or `augment.crop`.
    """

    family: str
    choices: Mapping[str, Scalar]
    form: Form = field(repr=False)
    resolution: int | None = None
    recipe: Mapping[str, Scalar] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """Hash of family, form, resolution and recipe: the same in files, in MLflow and in reports."""
        return digest({"family": self.family, "form": self.form, **self._beside})

    @property
    def _beside(self) -> dict[str, Any]:
        """What is not the network itself, as far as there is any."""
        resolution = {"resolution": self.resolution} if self.resolution is not None else {}
        return {**resolution, **({"recipe": dict(self.recipe)} if self.recipe else {})}

    def __eq__(self, other: object) -> bool:
        """Whether both are the same network."""
        return isinstance(other, Architecture) and self.id == other.id

    def __hash__(self) -> int:
        """Hash by id."""
        return hash(self.id)

    def to_json(self) -> dict[str, Any]:
        """Return the architecture as JSON-compatible data."""
        return {
            "schema_version": 1,
            "id": self.id,
            "family": self.family,
            "choices": dict(self.choices),
            "form": dict(self.form),
            **self._beside,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Architecture:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document lacks a part, or its id is not that of its form.
        """
        try:
            architecture = cls(
                document["family"],
                document["choices"],
                document["form"],
                document.get("resolution"),
                document.get("recipe", {}),
            )
            stated = document["id"]
            intact = architecture.id == stated
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise IntegrityError(f"an architecture lacks {error}; the document is incomplete.") from error
        if not intact:
            raise IntegrityError(f"architecture {stated} has the content of {architecture.id}; it was altered.")
        return architecture
