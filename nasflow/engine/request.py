"""One search as it is asked for: what travels to every step as a parameter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.errors import damaged
from nasflow.ids import digest
from nasflow.storage import Store, open_store


@dataclass(frozen=True)
class Request:
    """A search as it is asked for.

    Attributes:
        config: The configuration; its storage URL is absolute.
        base: Folder that relative data paths start at.
        device_kind: Kind of device that the trials are trained on, as in `cpu-AVX2`.
        generation: How many times this search was started anew.
        refresh: Id of the refresh that the search is a part of, or empty; it is kept in the store.
    """

    config: SearchConfig
    base: Path
    device_kind: str
    generation: int = 0
    refresh: str = ""

    def to_json(self) -> str:
        """Return the request as JSON text without defaults, to stay below KFP's limit of 10,000 bytes a parameter."""
        return json.dumps(
            {
                "config": self.config.model_dump(mode="json", exclude_defaults=True),
                "base": str(self.base),
                "device_kind": self.device_kind,
                "generation": self.generation,
                **({"refresh": self.refresh} if self.refresh else {}),
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Read back what `to_json` gave.

        Raises:
            IntegrityError: It is damaged, or of another version.
        """
        with damaged("the search that is asked for"):
            document = json.loads(text)
            return cls(
                SearchConfig.model_validate(document["config"]),
                Path(document["base"]),
                document["device_kind"],
                document["generation"],
                document.get("refresh", ""),
            )

    def store(self) -> Store:
        """Open the store."""
        return open_store(self.config.storage.url)


def deadline_of(config: SearchConfig, began: float) -> float | None:
    """Return when everything is to be done, in Unix seconds; None where the budget has no hours.

    Args:
        config: The search.
        began: When this run began, in Unix seconds: each run has the hours for itself.
    """
    hours = config.budget.hours
    return None if hours is None else began + 3600 * hours


def anchored(config: SearchConfig) -> SearchConfig:
    """Return the configuration with a storage folder that no longer depends on where the command is run."""
    url = config.storage.url
    if "://" in url:
        return config
    absolute = str(Path(url).expanduser().resolve())
    return config.model_copy(update={"storage": config.storage.model_copy(update={"url": absolute})})


def extent_asked(config: SearchConfig) -> str:
    """Hash what says how far a search goes; another hash goes on with it."""
    goals = {o.name: o.stop_at for o in config.objectives if o.stop_at is not None}
    return digest({"trials": config.budget.trials, "hours": config.budget.hours, "goals": goals})


def delivery_asked(config: SearchConfig) -> str:
    """Hash what a delivery depends on besides the search and its MLflow; another hash goes on to another delivery."""
    return digest(
        {
            "extent": extent_asked(config),
            "final": config.final.model_dump(mode="json"),
            "registry": config.registry.model_dump(mode="json"),
        }
    )
