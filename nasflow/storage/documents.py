"""JSON documents in a store, each with a checksum, so that a cut or altered one is noticed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nasflow.errors import IntegrityError
from nasflow.ids import canonical_json, digest
from nasflow.storage.protocol import Store

CHECKSUM_LENGTH = 32


def pack(document: Mapping[str, Any]) -> bytes:
    """Return the content under which a document is stored: the same bytes for the same document.

    Raises:
        ValueError: It holds NaN or infinity.
        TypeError: It holds something that JSON has no form for.
    """
    document = dict(document)
    return canonical_json({"checksum": digest(document, CHECKSUM_LENGTH), "document": document}).encode() + b"\n"


def unpack(key: str, content: bytes) -> dict[str, Any]:
    """Read back what `pack` gave; white space between the parts of the JSON does not matter.

    Args:
        key: Where the content is from, for the message.
        content: What is stored there.

    Raises:
        IntegrityError: The content was cut or altered, or never came from `pack`.
    """
    try:
        outer = json.loads(content)
        stated, document = outer["checksum"], outer["document"]
        sound = isinstance(document, dict) and digest(document, CHECKSUM_LENGTH) == stated
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise IntegrityError(
            f"the stored document '{key}' was cut or altered ({len(content)} bytes); restore it from a backup, or "
            f"delete it and run the same command again to make it anew."
        )
    return dict(document)


def read_json(store: Store, key: str) -> dict[str, Any] | None:
    """Return the document under a key, or None where there is none.

    Raises:
        IntegrityError: It was cut or altered.
        StorageError: The store cannot be read.
    """
    content = store.get(key)
    return None if content is None else unpack(key, content)


def write_json(store: Store, key: str, document: Mapping[str, Any]) -> None:
    """Write a document, replacing what was there.

    Raises:
        StorageError: The store cannot be written.
        ValueError: The document holds NaN or infinity.
    """
    store.put(key, pack(document))


def create_json(store: Store, key: str, document: Mapping[str, Any]) -> bool:
    """Write a document unless there is one; return whether it was written.

    Raises:
        StorageError: The store cannot be written.
        ValueError: The document holds NaN or infinity.
    """
    return store.put_if_absent(key, pack(document))
