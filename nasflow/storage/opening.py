"""From the URL in the configuration to a store."""

from __future__ import annotations

import re

from nasflow import plugins
from nasflow.errors import ConfigError, StorageError
from nasflow.storage.file import FileStore
from nasflow.storage.patience import at_the_door
from nasflow.storage.protocol import Store


def open_store(url: str) -> Store:
    """Open the store at a URL; nothing is written by that.

    Args:
        url: A folder, as a path or as `file:///…`, or the URL of an installed storage, whose scheme is its name.

    Raises:
        PluginError: No installed package provides a storage of that scheme.
        StorageError: The storage cannot be used.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", url)
    if scheme is None or scheme[1].lower() == "file":
        return FileStore(url)
    store: Store = plugins.load("storages", scheme[1].lower())(url)
    return store


def check_url(url: str) -> None:
    """Refuse a store that no search could write to, as far as that can be known without leaving anything behind.

    Raises:
        PluginError: No installed package provides a storage of that scheme.
        ConfigError: It cannot be written.
    """
    try:
        with at_the_door():
            open_store(url).check_writable()
    except StorageError as error:
        raise ConfigError([str(error) if "storage.url" in str(error) else f"storage.url: {error}"]) from error
