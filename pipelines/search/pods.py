"""The pods of a compiled pipeline: what `resources` says of each step, set on its task."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nasflow.config import SearchConfig
from nasflow.config.joining import pod_of
from nasflow.config.model import CORES
from nasflow.config.pod_checks import CACHE
from nasflow.config.pods import PodConfig, TolerationConfig
from nasflow.config.steps import STEPS, STORING, TRAINING, Step
from nasflow.engine.run_lease import RUN_VARIABLE

SEARCH_LABEL, STEP_LABEL = "nasflow/search", "nasflow/step"
_RUN = "metadata.labels['pipeline/runid']"
"""Where a pod finds the id of its run, which Kubeflow Pipelines writes on all of them."""

SPOT: dict[str, tuple[dict[str, str], tuple[TolerationConfig, ...]]] = {
    "aks": (
        {"kubernetes.azure.com/scalesetpriority": "spot"},
        (TolerationConfig(key="kubernetes.azure.com/scalesetpriority", value="spot", effect="NoSchedule"),),
    ),
    "eks": ({"eks.amazonaws.com/capacityType": "SPOT"}, ()),
    "gke": (
        {"cloud.google.com/gke-spot": "true"},
        (TolerationConfig(key="cloud.google.com/gke-spot", value="true", effect="NoSchedule"),),
    ),
    "karpenter": ({"karpenter.sh/capacity-type": "spot"}, ()),
}
"""How each provider labels and taints its spot nodes; EKS's managed node groups and Karpenter do not taint them."""

_REQUESTS: dict[bool, tuple[str, str]] = {True: ("500m", "1Gi"), False: ("100m", "512Mi")}
"""CPU and memory that a pod asks for where nothing is said, by whether its step trains."""

_LIMITS = ("2", "4Gi")
"""CPU and memory that a pod may use whose step does not train, where nothing is said."""


def clothing(config: SearchConfig, image: str) -> Callable[[Any], None]:
    """Return a function that gives a task of the search's pipeline its image, resources, nodes, secrets and labels.

    kfp.local must never see such a task: it refuses some of these settings, and ignores others.

    Args:
        config: The search.
        image: Name of the image.
    """
    from kfp import kubernetes

    pods = {step: pod_of(config, step) for step in STEPS}

    def clothe(task: Any) -> None:
        step = step_of(task)
        task.set_container_image(image)
        _size(task, pods[step], trains=step in TRAINING)
        _place(task, pods[step])
        _inform(task, pods[step])
        if step in STORING:
            kubernetes.use_field_path_as_env(task, RUN_VARIABLE, _RUN)
        _mount(task, pods[step])
        _mark(task, pods[step], {SEARCH_LABEL: config.name, STEP_LABEL: step})

    return clothe


def step_of(task: Any) -> Step:
    """Return the name of a task's step."""
    name = str(task.component_spec.name).replace("-", "_")
    return next(step for step in STEPS if step == name)


def _size(task: Any, pod: PodConfig, *, trains: bool) -> None:
    """Set CPU, memory and accelerators."""
    cpu = f"{round(1000 * pod.cpu)}m" if pod.cpu is not None else None
    memory = _mebibytes(pod.memory_gib) if pod.memory_gib is not None else None
    task.set_cpu_request(cpu or _REQUESTS[trains][0])
    task.set_memory_request(memory or _REQUESTS[trains][1])
    if cpu or not trains:
        task.set_cpu_limit(cpu or _LIMITS[0])
    if memory or not trains:
        task.set_memory_limit(memory or _LIMITS[1])
    if pod.accelerator is not None and pod.accelerator.count:
        task.set_accelerator_type(pod.accelerator.type)
        task.set_accelerator_limit(pod.accelerator.count)


def _place(task: Any, pod: PodConfig) -> None:
    """Choose the nodes."""
    from kfp import kubernetes

    labels, taints = SPOT.get(pod.spot or "never", ({}, ()))
    for key, value in (labels | pod.node_selector).items():
        kubernetes.add_node_selector(task, key, value)
    own = []
    if pod.accelerator is not None and pod.accelerator.count:
        own.append(TolerationConfig(key=pod.accelerator.type, operator="Exists", effect="NoSchedule"))
    for toleration in dict.fromkeys([*own, *taints, *pod.tolerations]):
        kubernetes.add_toleration(
            task,
            key=toleration.key,
            operator=toleration.operator or ("Exists" if toleration.value is None else "Equal"),
            value=toleration.value,
            effect=toleration.effect,
            toleration_seconds=toleration.seconds,
        )


def _inform(task: Any, pod: PodConfig) -> None:
    """Set environment variables; those from Secrets and ConfigMaps by reference."""
    from kfp import kubernetes

    for name, value in pod.env.items():
        task.set_env_variable(name, value)
    known = {CORES: str(max(1, int(pod.cpu)))} if pod.cpu is not None else {}
    known |= {"NASFLOW_CACHE": CACHE} if pod.cache is not None else {}
    for name, value in known.items():
        if name not in pod.env:
            task.set_env_variable(name, value)
    for secret, variables in pod.secrets.items():
        for names in _by_key(variables):
            kubernetes.use_secret_as_env(task, secret, names)
    for config_map, variables in pod.config_maps.items():
        for names in _by_key(variables):
            kubernetes.use_config_map_as_env(task, config_map, names)


def _by_key(variables: dict[str, str]) -> list[dict[str, str]]:
    """Turn variables and their keys round, as kfp wants them: in several mappings where a key is for several."""
    found: list[dict[str, str]] = []
    for name, key in variables.items():
        free = next((names for names in found if key not in names), None)
        if free is None:
            found.append(free := {})
        free[key] = name
    return found


def _mount(task: Any, pod: PodConfig) -> None:
    """Mount what is shared with other pods or with the processes of the same."""
    from kfp import kubernetes

    for secret, path in pod.secret_files.items():
        kubernetes.use_secret_as_volume(task, secret, path)
    if pod.cache is not None:
        kubernetes.mount_pvc(task, pod.cache, CACHE)
    if pod.shared_memory_gib is not None:
        size = _mebibytes(pod.shared_memory_gib)
        kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit=size)


def _mark(task: Any, pod: PodConfig, own: dict[str, str]) -> None:
    """Set labels and annotations, and the secrets that the image is pulled with."""
    from kfp import kubernetes

    for key, value in (pod.labels | own).items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in pod.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)
    if pod.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, pod.image_pull_secrets)


def _mebibytes(gib: float) -> str:
    """Return a size as Kubernetes writes it; kfp takes whole numbers alone."""
    return f"{math.ceil(1024 * gib)}Mi"
