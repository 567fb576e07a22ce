"""Stable identifiers: hashes of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Serialise JSON-compatible data to its one canonical text (sorted keys, no spaces, no NaN).

    Raises:
        ValueError: The value holds NaN or infinity.
        TypeError: The value holds something that JSON has no form for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any, length: int = 16) -> str:
    """Return the first `length` hexadecimal digits of BLAKE2b over the canonical JSON of `value`."""
    return hashlib.blake2b(canonical_json(value).encode(), digest_size=32).hexdigest()[:length]


def seed_of(*parts: Any) -> int:
    """Derive a seed in [0, 2**63) from any JSON-compatible parts."""
    return int(digest(list(parts)), 16) >> 1
