"""The steps of the pipeline, and what each of them uses of a cluster."""

from __future__ import annotations

from typing import Literal, get_args

Step = Literal[
    "prepare_data",
    "generate_space",
    "propose",
    "train_candidates",
    "search_on",
    "select",
    "train_final",
    "export_model",
    "report",
    "register_model",
    "detect_change",
    "conclude_refresh",
]
"""Name of a step: that of its component."""

STEPS: tuple[Step, ...] = get_args(Step)

REFRESHING: frozenset[Step] = frozenset({"detect_change", "conclude_refresh"})
"""Steps that only the pipeline of a refresh has."""

TRAINING: frozenset[Step] = frozenset({"train_candidates", "search_on", "train_final"})
"""Steps that train networks: they alone get the accelerator, and the nodes that have it."""

STORING: frozenset[Step] = frozenset(STEPS) - {"generate_space"}
"""Steps that read or write the store."""

TRACKING: frozenset[Step] = frozenset(
    {"propose", "train_candidates", "search_on", "select", "train_final", "register_model", *REFRESHING}
)
"""Steps that use MLflow: `propose` and `select` where they stop a search, which its run is told."""

CACHING: frozenset[Step] = frozenset({"prepare_data"})
"""Steps that keep in the cache what is costly to fetch: downloads, and the data prepared from them."""

_TRACKING_URI = "MLFLOW_TRACKING_URI"
_STORAGE_VARIABLES = ("AWS_", "NASFLOW_S3_")
_TRACKING_VARIABLES = ("MLFLOW_", "DATABRICKS_")


def users_of(variable: str) -> frozenset[Step] | None:
    """Return the steps that read an environment variable, or None where nasflow does not know it.

    Args:
        variable: Its name.
    """
    if variable == _TRACKING_URI:
        return TRACKING | {"report"}  # which shows the address, without user and password
    if variable.startswith(_TRACKING_VARIABLES):
        return TRACKING
    return STORING if variable.startswith(_STORAGE_VARIABLES) else None
