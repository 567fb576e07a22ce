"""Compiling the search pipeline to a file for a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nasflow.components.image import IMAGE
from nasflow.config import ResourcesConfig, SearchConfig
from nasflow.config.pod_checks import accelerated
from nasflow.data.opening import find_source
from nasflow.engine.door import fitting
from nasflow.engine.probing import DeviceProbe
from nasflow.engine.request import Request, anchored
from nasflow.errors import MissingDataError, StorageError, UserError
from nasflow.pipelines.search.limits import LARGEST_SPEC, check_parameter, check_shards, check_size, shards_at_once
from nasflow.storage.patience import at_the_door

Build = Callable[[str, SearchConfig, int, str, Callable[[Any], None]], Any]
"""Makes a pipeline of what `search_pipeline` takes."""


def compile_search(
    config: SearchConfig,
    base: Path,
    target: Path,
    device_kind: str | None = None,
    *,
    image: str = IMAGE,
    build: Build | None = None,
    refresh: str = "",
) -> list[str]:
    """Write the pipeline of a search as KFP's intermediate representation; the same configuration gives the same bytes.

    A search that cannot suit its data is refused, in the words of `nasflow check`. Where the data are on the cluster
    alone, its step `generate_space` refuses it, as it does an objective that cannot be measured there.

    Args:
        config: The search; it becomes the default of the pipeline's first parameter, and the number of rounds, the
            parallelism and the pods are laid down in the file.
        base: Folder that relative data paths start at.
        target: A `.yaml` file, replaced where it exists.
        device_kind: Kind of device that the pods train on, as in `cpu-AVX2` or `cuda-NVIDIA H100`; by default this
            machine's.
        image: Name of the image of the pods.
        build: Makes the pipeline; by default that of a search.
        refresh: Id of the refresh that the search is a part of, if any.

    Returns:
        Sentences on what could not be looked at from here.

    Raises:
        UserError: The data cannot be learned from, recipe, space or objectives do not suit them, the pods would train
            on another kind of device, or the backend would refuse the pipeline.
    """
    check_shards(config)
    kind = kind_of_pods(config, device_kind)
    request = Request(_for_pods(anchored(config)), base.resolve(), kind, refresh=refresh)
    check_parameter(request)
    notes = _looked_at(config, base)
    content = _compiled(config, request, image, build)
    if len(content) > LARGEST_SPEC:
        single = config.model_copy(
            update={"budget": config.budget.model_copy(update={"trials": config.parallelism.round_size})}
        )
        check_size(config, len(content), len(_compiled(single, request, image, build)))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return notes


def kind_of_pods(config: SearchConfig, named: str | None) -> str:
    """Return the kind of device that the pods train on.

    Args:
        config: The search.
        named: As given to `--device-kind`; by default that of this machine.

    Raises:
        UserError: The pods would find another kind of device, and so refuse to train.
    """
    accelerator = accelerated(config, "train_candidates")
    if accelerator is None and (config.resources.device == "cuda" or (named or "").startswith("cuda-")):
        asked = "resources.device is 'cuda'" if config.resources.device == "cuda" else f"--device-kind is '{named}'"
        raise UserError(
            f"{asked}, but pods have no GPU unless they ask for it: add resources.accelerator, as in "
            "accelerator: {type: nvidia.com/gpu}."
        )
    if accelerator is None:
        return named or DeviceProbe(config.resources).result()
    kind = named or _kind_here(config)
    if kind.startswith("cpu-"):
        whose = "--device-kind is" if named else "this machine is"
        raise UserError(
            f"the pods train on {accelerator.type}, and {whose} '{kind}': name what the nodes have, as in "
            "--device-kind 'cuda-NVIDIA L4' (behind 'cuda-', the name that nvidia-smi -L prints there)."
        )
    return kind


def _kind_here(config: SearchConfig) -> str:
    """Return what this machine trains on, whatever the search asks for."""
    return DeviceProbe(config.resources.model_copy(update={"device": "auto"})).result()


def _compiled(config: SearchConfig, request: Request, image: str, build: Build | None) -> bytes:
    """Return the content of the file."""
    from kfp import compiler

    from nasflow.pipelines.search.pipeline import search_pipeline
    from nasflow.pipelines.search.pods import clothing

    name, clothe = f"nasflow-{config.name}", clothing(config, image)
    pipeline = (build or search_pipeline)(name, config, shards_at_once(config), request.to_json(), clothe)
    with TemporaryDirectory(prefix="nasflow-") as folder:
        file = Path(folder, "pipeline.yaml")
        compiler.Compiler().compile(pipeline, str(file))
        return file.read_bytes()


def _for_pods(config: SearchConfig) -> SearchConfig:
    """Return the configuration as the steps need it on a cluster: what pods are made of is laid down in the file.

    The memory of a pod is its container's limit, which the workers find out about, and so a step's own.
    """
    return config.model_copy(update={"resources": ResourcesConfig(device=config.resources.device)})


def _looked_at(config: SearchConfig, base: Path) -> list[str]:
    """Check the search against its data; return a note where they are not here.

    Raises:
        UserError: They cannot be learned from, or the search does not suit them.
    """
    try:
        with at_the_door():
            found = find_source(config.data, base)
    except (MissingDataError, StorageError) as error:
        told = str(error).removeprefix("data.source: ").rstrip(".")
        return [f"The data are not here ({told}); on the cluster, the search is checked against them before it trains."]
    fitting(config, found.summary)
    return []
