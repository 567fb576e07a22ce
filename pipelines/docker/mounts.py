"""What a step in a container needs of this machine: each folder at the path that it has here, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from nasflow.caching import CACHE, cache_folder
from nasflow.config import split_source
from nasflow.engine.request import Request
from nasflow.errors import UserError
from nasflow.storage import Store
from nasflow.tracking import tracking_target

_TAKEN = ("/", "/bin", "/dev", "/etc", "/lib", "/opt/nasflow", "/proc", "/sys", "/tmp", "/usr")
"""Folders that a container has of its own."""


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine that a container sees at the same path.

    Attributes:
        path: Absolute.
        writable: Whether it may be changed from there.
    """

    path: str
    writable: bool


def mounts_of(request: Request, store: Store, variables: Mapping[str, str]) -> tuple[Mount, ...]:
    """Return what the steps of a search need, outermost first; what is to be written is made where it is not there.

    Args:
        request: The search.
        store: Its store.
        variables: The environment of the steps, whose values may name files.

    Raises:
        UserError: A folder would hide one that every container has of its own.
    """
    writable = [*_written(request, store), *_options(request)]
    for folder in writable:
        folder.mkdir(parents=True, exist_ok=True)
    named = (Path(value) for name, value in variables.items() if name != CACHE and value not in _TAKEN)
    return _joined(writable, (path for path in (*_read(request), *named) if path.is_absolute() and _there(path)))


def _there(path: Path) -> bool:
    """Whether a file is there; a key that looks like a path may be longer than any name of a file."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _written(request: Request, store: Store) -> Iterator[Path]:
    """Yield the folders of results, of large working files, of the cache and of an MLflow in a file."""
    if "://" not in store.url:
        yield Path(store.url)
    yield store.local_folder()
    yield cache_folder()
    database = tracking_target(request.config, store).database
    if database is not None:
        yield database.parent


def _options(request: Request) -> Iterator[Path]:
    """Yield the folders that the options of the data's source name; it may keep downloads there."""
    for value in request.config.data.options.values():
        if isinstance(value, str) and value and (folder := request.base / Path(value).expanduser()).is_dir():
            yield folder


def _read(request: Request) -> Iterator[Path]:
    """Yield the data where they are files, and the files that the store's address names."""
    _, argument = split_source(request.config.data.source)
    if "://" not in argument and not argument.startswith("//"):
        yield request.base / Path(argument).expanduser()
    address = request.config.storage.url
    if "://" in address:
        yield from (Path(value) for _, value in parse_qsl(urlsplit(address).query))


def _joined(writable: Iterable[Path], readable: Iterable[Path]) -> tuple[Mount, ...]:
    """Return the mounts without those that lie in another one, which gives them already."""
    asked = {Mount(str(path.absolute()), writable=True) for path in writable}
    asked |= {Mount(str(path.absolute()), writable=False) for path in readable}
    found: list[Mount] = []
    for mount in sorted(asked, key=lambda mount: (mount.path, not mount.writable)):
        path = Path(mount.path)
        if mount.path in _TAKEN:
            raise UserError(
                f"'{mount.path}' cannot be shown to a container, which has a folder of that name of its own: keep the "
                "data and the store in a folder below it."
            )
        covers = [known for known in found if path == Path(known.path) or Path(known.path) in path.parents]
        if not any(known.writable or not mount.writable for known in covers[-1:]):
            found.append(mount)
    return tuple(found)
