"""The champion as it stands before a refresh: its version, its data, and what its search has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasflow.delivery.champion import CHAMPION
from nasflow.delivery.fetching import Version
from nasflow.delivery.refresh.samples import DATA_TAG
from nasflow.delivery.statistics import Interval
from nasflow.engine.kept import kept_search
from nasflow.engine.records import SearchRecords
from nasflow.objectives import ranked
from nasflow.spaces import Architecture
from nasflow.storage import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

REFRESH_TAG = "nasflow.refresh"
"""Tag of a version: id of the refresh that it was registered by."""


@dataclass(frozen=True)
class Champion:
    """A champion.

    Attributes:
        version: Of the registered model.
        tags: Of the version; empty where nasflow has not registered it.
    """

    version: Version
    tags: Mapping[str, str]

    @property
    def data(self) -> str:
        """Fingerprint of the data that it was trained on, or empty."""
        return self.tags.get(DATA_TAG, "")

    @property
    def refresh(self) -> str:
        """Id of the refresh that it was registered by, or empty."""
        return self.tags.get(REFRESH_TAG, "")

    def architectures(self, store: Store, most: int) -> list[Architecture]:
        """Return its own architecture and the best of its search, best first; empty where the store has none of them.

        Args:
            store: The store.
            most: How many, at most.
        """
        kept = kept_search(store, self.tags["nasflow.search_id"]) if "nasflow.search_id" in self.tags else None
        if kept is None:
            return []
        history, wanted = kept.records.history(), self.tags.get("nasflow.architecture_id")
        own = [entry.trial.architecture for entry in history if entry.trial.architecture.id == wanted]
        others = [entry.trial.architecture for entry in ranked(kept.search.objectives, history)]
        return list(dict.fromkeys([*own, *others]))[:most]

    def figure(self, store: Store, metric: str) -> Interval | None:
        """Return what it had on the test samples when it was registered, with the interval where the store has it."""
        search, trial = self.tags.get("nasflow.search_id"), self.tags.get("nasflow.trial_id", "")
        document = SearchRecords(store, search).read("intervals") if search else None
        kept = (document or {"trials": {}})["trials"].get(trial, {}).get(metric)
        if kept is not None:
            return Interval(*kept)
        told = self.tags.get(f"nasflow.test_{metric}")
        return Interval(float(told), float(told), float(told)) if told is not None else None


def standing(client: MlflowClient, name: str) -> Champion | None:
    """Return the champion of a registered model; None where it has none, or is not there.

    Args:
        client: Of the MLflow.
        name: Name of the registered model.

    Raises:
        Exception: Whatever MLflow raises where it cannot be used.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return Champion(Version(name, int(found.version)), dict(found.tags))
