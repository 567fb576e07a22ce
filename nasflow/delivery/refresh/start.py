"""How things stood when a refresh began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nasflow.delivery.refresh.drift import Drift
from nasflow.errors import IntegrityError
from nasflow.spaces import Architecture

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Start:
    """How things stood when a refresh began.

    Attributes:
        model: Name of the registered model.
        champion: Number of its champion's version, or None where it had none.
        before: Fingerprint of the data that the champion was trained on, or empty.
        data: Fingerprint of the new data.
        mode: `search` or `retrain`.
        drift: How the champion does on them; None where there is none.
        architectures: What the search begins with, the best first.
        at: Unix seconds.
    """

    model: str
    champion: int | None
    before: str
    data: str
    mode: str
    drift: Drift | None
    architectures: tuple[Architecture, ...]
    at: float

    def sentence(self) -> str:
        """Return in plain words what has changed, and how the champion does."""
        if self.champion is None:
            return f"'{self.model}' has no champion yet."
        drift = self.drift.sentence(f"version {self.champion}") if self.drift else ""
        return f"The data have changed since version {self.champion}, the champion, was trained. {drift}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-compatible data."""
        parts = {
            "drift": self.drift.to_json() if self.drift else None,
            "architectures": [architecture.to_json() for architecture in self.architectures],
        }
        return {"schema_version": SCHEMA_VERSION, **vars(self), **parts}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Start:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: The document is damaged or of another version.
        """
        try:
            fields = dict(document)
            if fields.pop("schema_version") != SCHEMA_VERSION:
                raise IntegrityError(f"a refresh of schema version {document['schema_version']} cannot be read.")
            fields["drift"] = Drift.from_json(fields["drift"]) if fields["drift"] else None
            fields["architectures"] = tuple(Architecture.from_json(one) for one in fields["architectures"])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise IntegrityError(f"the start of a refresh lacks or has too much: {error}; it is damaged.") from error
