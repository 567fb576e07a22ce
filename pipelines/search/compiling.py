"""Compiling the search pipeline to a file for a cluster."""

from __future__ import annotations

from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.data.opening import find_source
from nasflow.engine.door import fitting
from nasflow.engine.probing import DeviceProbe
from nasflow.engine.request import Request, anchored
from nasflow.errors import MissingDataError, UserError

LONGEST_PARAMETER = 10_000
"""Bytes of a parameter that Kubeflow Pipelines keeps; it cuts longer ones."""


def compile_search(config: SearchConfig, base: Path, target: Path, device_kind: str | None = None) -> list[str]:
    """Write the pipeline of a search as KFP's intermediate representation; the same configuration gives the same bytes.

    A search that cannot suit its data is refused, in the words of `nasflow check`. Where the data are on the cluster
    alone, its step `generate_space` refuses it, as it does an objective that cannot be measured there.

    Args:
        config: The search; it becomes the default of the pipeline's first parameter, and the number of rounds and the
            parallelism are laid down in the file.
        base: Folder that relative data paths start at.
        target: A `.yaml` file, replaced where it exists.
        device_kind: Kind of device that the pods train on, as in `cpu-AVX2` or `cuda-NVIDIA H100`; by default this
            machine's.

    Returns:
        Sentences on what could not be looked at from here.

    Raises:
        UserError: The data cannot be learned from, recipe, space or objectives do not suit them, or the configuration
            is too long for a parameter.
    """
    from kfp import compiler

    from nasflow.pipelines.search.pipeline import search_pipeline

    kind = device_kind or DeviceProbe(config.resources).result()
    request = Request(anchored(config), base.resolve(), kind).to_json()
    if len(request.encode()) > LONGEST_PARAMETER:
        raise UserError(
            f"the configuration takes {len(request.encode()):,} bytes as a parameter, and Kubeflow Pipelines keeps "
            f"{LONGEST_PARAMETER:,}: narrow space.choices by fewer or shorter lists."
        )
    notes = _looked_at(config, base)
    pipeline = search_pipeline(f"nasflow-{config.name}", config, shards_at_once(config), request)
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline, str(target))
    return notes


def _looked_at(config: SearchConfig, base: Path) -> list[str]:
    """Check the search against its data; return a note where they are not here.

    Raises:
        UserError: They cannot be learned from, or the search does not suit them.
    """
    try:
        found = find_source(config.data, base)
    except MissingDataError as error:
        told = str(error).removeprefix("data.source: ").rstrip(".")
        return [f"The data are not here ({told}); on the cluster, the search is checked against them before it trains."]
    fitting(config, found.summary)
    return []


def shards_at_once(config: SearchConfig) -> int:
    """Return how many shards of a round may run at the same time on a cluster: all."""
    size = config.parallelism.round_size
    return -(-size // (config.parallelism.shard_size or size))
