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
from nasflow.passwords import without_login

_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?]+)")


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
        found = _SQLITE.match(self.uri)
        return Path(unquote(found[2])) if found and found[2] != ":memory:" else None

    @property
    def artifacts(self) -> Path | None:
        """The folder of a new experiment's artifacts, beside the SQLite file; None where the server decides."""
        return self.database.parent / "mlartifacts" if self.database else None

    @property
    def artifact_location(self) -> str | None:
        """The same as MLflow is told it: as a URL, since a path with `%`, `?` or `#` would be misread."""
        return self.artifacts.absolute().as_uri() if self.artifacts else None

    @property
    def shown(self) -> str:
        """The URI without user and password, for messages."""
        return without_login(self.uri, "***@")


def sqlite_uri(file: Path) -> str:
    """Return the URI of an SQLite file.

    SQLAlchemy reads a query behind `?`, and a character in `%20`. MLflow does not, and would make an empty folder of
    the quoted name, but not where the driver stands in the URI.
    """
    quoted = _quoted(file)
    return f"sqlite:///{quoted}" if quoted == str(file) else f"sqlite+pysqlite:///{quoted}"


def tracking_target(config: SearchConfig, store: Located) -> TrackingTarget:
    """Return where a search is tracked: `tracking.uri`, else `MLFLOW_TRACKING_URI`, else an SQLite file in the store.

    Args:
        config: The search.
        store: Its store; the SQLite file lies in its folder, or in its folder on this machine where it is remote.

    Raises:
        ConfigError: The URI is a folder, which MLflow 3 no longer writes to.
        StorageError: A remote store has no folder on this machine.
    """
    return target_of(config.tracking.uri, store, config.tracking.experiment or config.name)


def target_of(asked: str | None, store: Located, experiment: str = "") -> TrackingTarget:
    """Return the MLflow that is asked for, else that of the environment, else that of a store.

    Args:
        asked: A tracking URI, or None.
        store: Where the SQLite file is that serves where nothing is asked for.
        experiment: Name of the experiment.

    Raises:
        ConfigError: The URI is a folder, which MLflow 3 no longer writes to.
        StorageError: A remote store has no folder on this machine.
    """
    uri = asked or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return store_target(store, experiment)
    if uri != "databricks" and ("://" not in uri or urlsplit(uri).scheme == "file"):
        field = "tracking.uri" if asked else "MLFLOW_TRACKING_URI"
        path = unquote(uri.removeprefix("file:").removeprefix("//")) if uri.startswith("file:") else uri
        better = sqlite_uri(Path(path).expanduser().resolve() / "mlflow.db")
        raise ConfigError([f"{field}: MLflow no longer keeps runs in folders such as '{uri}'; write '{better}'."])
    target = TrackingTarget(uri, experiment)
    found = _SQLITE.match(uri)
    if target.database and found and not target.database.is_absolute():
        target = TrackingTarget(found[1] + _quoted(target.database.resolve()) + uri[found.end() :], experiment)
    return target


def store_target(store: Located, experiment: str = "") -> TrackingTarget:
    """Return the MLflow that a store keeps where no other is asked for.

    Raises:
        StorageError: A remote store has no folder on this machine.
    """
    return TrackingTarget(sqlite_uri(_folder(store) / "mlflow.db"), experiment)


def _folder(store: Located) -> Path:
    if store.url.startswith("file://"):
        return Path(unquote(store.url.removeprefix("file://"))).resolve()
    return store.local_folder() if "://" in store.url else Path(store.url).expanduser().resolve()


def _quoted(file: Path) -> str:
    return str(file).replace("%", "%25").replace("?", "%3F")
