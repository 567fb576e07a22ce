"""Which MLflow a search reports to."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from nasflow.config import SearchConfig
from nasflow.errors import ConfigError


class Located(Protocol):
    """What is asked of a store here: where it is."""

    url: str

    def local_folder(self) -> Path:
        """Return a folder on this machine, kept between runs."""
        ...


@dataclass(frozen=True)
class TrackingTarget:
    """An experiment of an MLflow.

    Attributes:
        uri: Tracking URI; the path of an SQLite file in it is absolute.
        experiment: Name of the experiment.
    """

    uri: str
    experiment: str

    @property
    def database(self) -> Path | None:
        """The SQLite file behind the URI, or None where it is something else."""
        found = re.match(r"sqlite(?:\+\w+)?:///([^?]+)", self.uri)
        return Path(found[1]) if found and found[1] != ":memory:" else None

    @property
    def artifact_location(self) -> str | None:
        """Where a new experiment keeps its artifacts: beside the SQLite file, or as the server decides (None)."""
        return str(self.database.parent / "mlartifacts") if self.database else None

    @property
    def shown(self) -> str:
        """The URI without a password, for messages."""
        return re.sub(r"://[^/@]*@", "://***@", self.uri)


def tracking_target(config: SearchConfig, store: Located) -> TrackingTarget:
    """Return where a search is tracked: `tracking.uri`, else `MLFLOW_TRACKING_URI`, else an SQLite file in the store.

    Args:
        config: The search.
        store: Its store; the SQLite file lies in its folder, or in its folder on this machine where it is remote.

    Raises:
        ConfigError: The URI is a folder, which MLflow 3 no longer writes to.
        StorageError: A remote store has no folder on this machine.
    """
    field = "tracking.uri" if config.tracking.uri else "MLFLOW_TRACKING_URI"
    uri = config.tracking.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{_folder(store)}/mlflow.db"
    if uri != "databricks" and ("://" not in uri or urlsplit(uri).scheme == "file"):
        path = Path(unquote(uri.removeprefix("file:").removeprefix("//"))).expanduser().resolve()
        raise ConfigError(
            [f"{field}: MLflow no longer keeps runs in folders such as '{uri}'; write 'sqlite:///{path}/mlflow.db'."]
        )
    target = TrackingTarget(uri, config.tracking.experiment or config.name)
    if target.database and not target.database.is_absolute():
        absolute = uri.replace(str(target.database), str(target.database.resolve()), 1)
        target = TrackingTarget(absolute, target.experiment)
    return target


def _folder(store: Located) -> Path:
    remote = "://" in store.url and not store.url.startswith("file://")
    return store.local_folder() if remote else Path(unquote(store.url.removeprefix("file://"))).expanduser().resolve()
