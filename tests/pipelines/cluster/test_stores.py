"""Looking at a store from elsewhere."""

from __future__ import annotations

from nasflow.pipelines.cluster.stores import impatient


def test_whoever_looks_on_does_not_wait_long_for_a_store() -> None:
    assert impatient("/mnt/store") == "/mnt/store"
    assert impatient("s3://b/p?endpoint=http://minio:9000&patience=120") == (
        "s3://b/p?endpoint=http%3A%2F%2Fminio%3A9000&patience=5"
    )
    assert impatient("s3://b/p") == "s3://b/p?patience=5"
