"""Results in the store: found, and written by whoever knows them first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from nasflow.storage import Store
from nasflow.storage.documents import create_json, read_json
from nasflow.training.job import checkpoint_key, result_key
from nasflow.trials import Status, TrialResult


def standing(store: Store, trial_id: str, keep_weights: bool, retry: Collection[Status] = ()) -> TrialResult | None:
    """Return the result that a trial has already, or None where it has to be trained.

    A result is dropped where its status is to be tried again, or where weights are wanted and are gone.

    Args:
        store: The store.
        trial_id: The trial.
        keep_weights: Whether the weights of a completed trial are needed.
        retry: Failures that do not stand.

    Raises:
        IntegrityError: The result is damaged.
    """
    document = read_json(store, result_key(trial_id))
    if document is None:
        return None
    result = TrialResult.from_json(document)
    checkpoint = checkpoint_key(trial_id)
    bare = keep_weights and result.status is Status.COMPLETED and checkpoint not in store.keys(checkpoint)
    if bare or result.status in retry:
        store.delete(result_key(trial_id))
        return None
    if result.checkpoint is None:
        store.delete(checkpoint)  # left where a process died right after it wrote the result
    return result


def record(store: Store, result: TrialResult, keep_weights: bool) -> TrialResult:
    """Write a result, drop the checkpoint unless it is to stay, and return the result that stands.

    Another one stands where somebody else, who trained the same trial, was faster.

    Args:
        store: The store.
        result: What came of the trial.
        keep_weights: Whether the checkpoint of a completed trial stays.
    """
    keep = keep_weights and result.status is Status.COMPLETED
    key = checkpoint_key(result.trial_id)
    result = replace(result, checkpoint=key if keep else None)
    if not create_json(store, result_key(result.trial_id), result.to_json()):
        document = read_json(store, result_key(result.trial_id))
        result = TrialResult.from_json(document) if document else result
    if not keep and result.checkpoint is None:
        store.delete(key)
    return result
