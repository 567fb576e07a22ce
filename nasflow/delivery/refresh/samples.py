"""Which samples a network was trained and chosen on, kept by the hash of their content.

A comparison on test samples is worth nothing where one of the two networks has seen them. Splits cut by content hash
keep a sample in its split as data grow; this makes sure of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from nasflow.data.bundle import DataBundle
from nasflow.delivery.champion import IncomparableError
from nasflow.errors import IntegrityError
from nasflow.storage import Store

DATA_TAG = "nasflow.data"
"""Tag of a version: the fingerprint of the data that it was trained on."""

_KEY_BYTES = 16
_CHECK_BYTES = 32


def keep_samples(store: Store, bundle: DataBundle) -> None:
    """Keep the hashes of the training and validation samples, 16 bytes each, under the fingerprint of the data.

    Args:
        store: The store.
        bundle: The data.
    """
    if store.get(key := samples_key(bundle.fingerprint)) is None:
        content = b"".join(sorted(bytes.fromhex(one) for one in _seen(bundle)))
        store.put_if_absent(key, hashlib.blake2b(content, digest_size=_CHECK_BYTES).digest() + content)


def samples_key(fingerprint: str) -> str:
    """Return the key in the store of the samples of data with a fingerprint."""
    return f"samples/{fingerprint}.bin"


def check_hashed(bundle: DataBundle) -> None:
    """Make sure that the test samples were cut by the hash of their content.

    Raises:
        IncomparableError: The source gave them, so that a sample may have been in training before.
    """
    if "test" in bundle.given:
        raise IncomparableError(
            "the data bring a test split of their own, and only one that is cut by the hash of each sample's content "
            "keeps what a network was trained on out of later test samples"
        )


def check_unseen(store: Store, bundle: DataBundle, tags: Mapping[str, str]) -> None:
    """Make sure that neither the network of a version nor one trained on these data has seen their test samples.

    Args:
        store: The store that the version was registered with.
        bundle: The data.
        tags: Of the version.

    Raises:
        IncomparableError: They were in the training or validation of one of the two, or nobody knows.
        IntegrityError: What is kept of the samples was cut or altered.
    """
    check_hashed(bundle)
    fingerprint = tags.get(DATA_TAG, "")
    known = fingerprint.isascii() and fingerprint.isalnum()  # of a model that is not ours, it may be anything
    content = store.get(samples_key(fingerprint)) if known else None
    if content is None:
        raise IncomparableError("the store does not know which samples it was trained on")
    asked = {bytes.fromhex(one) for one in bundle.keys("test")}
    theirs = _unpacked(samples_key(fingerprint), content) & asked
    ours = {bytes.fromhex(one) for one in _seen(bundle)} & asked
    for who, seen in (("it was", theirs), ("the new network was", ours)):
        if seen:
            raise IncomparableError(f"{who} trained or chosen on {len(seen)} of the {len(asked)} test samples")


def _seen(bundle: DataBundle) -> set[str]:
    return {*bundle.keys("train"), *bundle.keys("val")}


def _unpacked(key: str, content: bytes) -> set[bytes]:
    check, keys = content[:_CHECK_BYTES], content[_CHECK_BYTES:]
    if hashlib.blake2b(keys, digest_size=_CHECK_BYTES).digest() != check:
        raise IntegrityError(f"the stored samples '{key}' were cut or altered; restore them from a backup.")
    return {keys[start : start + _KEY_BYTES] for start in range(0, len(keys), _KEY_BYTES)}
