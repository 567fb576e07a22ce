"""What the pods of a search would not find, or get by chance, told before it runs on a cluster."""

from __future__ import annotations

from pathlib import PurePosixPath

from nasflow.config import SearchConfig, split_source
from nasflow.config.joining import pod_of
from nasflow.config.pod_checks import CACHE
from nasflow.config.steps import STEPS, STORING, TRAINING
from nasflow.engine.request import anchored
from nasflow.errors import UserError

_READ_BY_PATH = ("folder", "npz")
"""Sources whose argument is a path of the machine that reads them."""


def out_of_reach(config: SearchConfig) -> list[str]:
    """Return a sentence for everything that a search keeps or reads on this machine, where no pod finds it.

    The file can be compiled all the same: it runs nothing, and may be for an image that has the data.

    Args:
        config: The search.
    """
    found = []
    if (unshared := _unshared(config)) is not None:
        found.append(unshared)
    if config.tracking.uri is None and "MLFLOW_TRACKING_URI" not in _variables(config):
        found.append(
            "No MLflow server is named, and each pod would write into a file of its own: set tracking.uri, or "
            "MLFLOW_TRACKING_URI under resources.config_maps or resources.env."
        )
    source, argument = split_source(config.data.source)
    if source in _READ_BY_PATH and "://" not in argument:
        found.append(
            f"data.source is '{config.data.source}', a path that pods find only where the image has it: put the data "
            "into a bucket, as in 's3://bucket/prefix', or into the image."
        )
    return found


def check_shared(config: SearchConfig) -> None:
    """Refuse to run a search on a cluster whose pods would each have a store of their own.

    Raises:
        UserError: They would.
    """
    if (unshared := _unshared(config)) is not None:
        raise UserError(unshared)


def left_to_chance(config: SearchConfig) -> list[str]:
    """Return a sentence where a namespace may give the pods that train less than they need, unasked.

    Args:
        config: The search.
    """
    steps = [step for step in STEPS if step in TRAINING and (step != "search_on" or config.budget.hours is not None)]
    open_to = {
        name: [step for step in steps if getattr(pod_of(config, step), name) is None] for name in ("cpu", "memory_gib")
    }
    missing = [name for name, where in open_to.items() if where]
    if not missing:
        return []
    where = sorted({step for each in open_to.values() for step in each}, key=STEPS.index)
    fields = " and ".join(f"resources.{name}" for name in missing)
    return [
        f"{fields} {'are' if len(missing) > 1 else 'is'} not set for {' and '.join(where)}: in a namespace with a "
        "LimitRange (nasflow's manifests have one) such pods get its default, often too little to train with; "
        "elsewhere they have no limit."
    ]


def _unshared(config: SearchConfig) -> str | None:
    """Return what is wrong with a store that is a folder, or None where all pods would share it.

    They do where it is on the claim of `resources.cache`, which is mounted for each step that stores.
    """
    url = config.storage.url
    if "://" in url and not url.startswith("file://"):
        return None
    folder = PurePosixPath(anchored(config).storage.url.removeprefix("file://"))
    claims = {pod_of(config, step).cache for step in STEPS if step in STORING}
    if folder.is_relative_to(CACHE) and len(claims) == 1 and None not in claims:
        return None
    return (
        f"storage.url is '{url}', a folder, and no two pods share one: each would lose the others' results. Name a "
        "store that all reach before the pipeline runs, in the file or as in --store 's3://bucket/prefix' (or a folder "
        f"below {CACHE}, with a claim for many nodes as resources.steps.STEP.cache of every step)."
    )


def _variables(config: SearchConfig) -> set[str]:
    """Return the names of the environment variables that a training pod is given."""
    pod = pod_of(config, "train_candidates")
    return set(pod.env).union(*pod.secrets.values(), *pod.config_maps.values())
