"""Every exception that nasflow raises on purpose.

NasflowError                  something the caller can act on
├── UserError                 the user's input is wrong; exit status 2
│   ├── ConfigError           a field of the configuration
│   ├── SpaceError            a search space, choice or architecture
│   ├── DataError             the data to learn from
│   │   └── MissingDataError  data that are not on this machine
│   └── PluginError           a name that no installed package provides, or a broken provider
├── HeldError                 the search is held by another process; exit status 3
├── SearchError               a search that cannot go on, or that found nothing
├── StrategyError             a strategy broke its contract
├── StorageError              the store cannot be read or written
│   └── IntegrityError        a stored document is missing, truncated or altered
├── TrackingError             the MLflow server cannot be used
├── ClusterError              Kubeflow Pipelines, or a registry of images, cannot be used
└── ContainerError            Docker cannot be used, or what was asked of it failed
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class NasflowError(Exception):
    """Base of all exceptions of nasflow; its text tells the caller what to do."""

    exit_code = 1


class UserError(NasflowError):
    """The user's input is wrong."""

    exit_code = 2


class ConfigError(UserError):
    """The configuration is wrong.

    Attributes:
        problems: One sentence for each thing that is wrong, in the order of the file.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class SpaceError(UserError):
    """A search space, a choice in it, or an architecture is not legal."""


class DataError(UserError):
    """The data cannot be learned from."""


class MissingDataError(DataError):
    """The data are not where the configuration says; they may be on another machine, as a cluster's are."""


class PluginError(UserError):
    """A strategy, family, task, source, objective or storage is unknown or broken."""


class HeldError(NasflowError):
    """The search is held by another process."""

    exit_code = 3


class SearchError(NasflowError):
    """A search cannot go on, or found nothing."""


class StrategyError(NasflowError):
    """A strategy broke its contract."""


class StorageError(NasflowError):
    """The store cannot be read or written."""


class IntegrityError(StorageError):
    """A stored document is missing, truncated or altered."""


class TrackingError(NasflowError):
    """The MLflow server cannot be used."""


class ClusterError(NasflowError):
    """Kubeflow Pipelines or a registry of images cannot be used, or what ran there failed."""


class ContainerError(NasflowError):
    """Docker cannot be used, or what was asked of it failed."""


@contextmanager
def damaged(what: str) -> Iterator[None]:
    """Turn what a reader stumbles over in a damaged document into an error that names it.

    Args:
        what: The document, as in `the outcome of the search`.

    Raises:
        IntegrityError: The reader stumbled.
    """
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError) as error:
        said = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        first = " ".join(said.split())[:300].rstrip(".")
        raise IntegrityError(f"{what} is missing or damaged ({first}).") from error
