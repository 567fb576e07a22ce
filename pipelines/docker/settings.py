"""How the containers of a run are made: what can be written to a file, and what only the environment may hold."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nasflow.caching import CACHE, cache_folder
from nasflow.config import SearchConfig
from nasflow.config.joining import pod_of
from nasflow.config.model import CORES
from nasflow.config.steps import STEPS
from nasflow.engine.request import Request
from nasflow.pipelines.docker.daemon import LABEL
from nasflow.pipelines.docker.mounts import Mount, mounts_of

SETTINGS_FILE = "containers.json"
"""File in the pipeline's folder that its driver finds the settings in."""

_GIB = 2**30
_SHARED_MEMORY_GIB = 1.0
_PREFIXES = (
    *("AWS_", "DATABRICKS_", "MINIO_", "MLFLOW_", "NASFLOW_"),
    *("ATEN_", "CUDA_", "MKL_", "NVIDIA_", "OMP_", "TORCH"),
)
_NAMES = {
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "GOOGLE_APPLICATION_CREDENTIALS", "TZ"),
}
_PROFILES = {"AWS_SHARED_CREDENTIALS_FILE": "credentials", "AWS_CONFIG_FILE": "config"}
_OWN = {"NASFLOW_IMAGE"}


@dataclass(frozen=True)
class Limit:
    """What one step may use.

    Attributes:
        memory: Bytes, or None for all there are.
        cpu: Cores, or None for all there are.
        shared_memory: Bytes of /dev/shm.
    """

    memory: int | None
    cpu: float | None
    shared_memory: int


@dataclass(frozen=True)
class ContainerSettings:
    """How the containers of a run are made.

    Attributes:
        image: Id of the image.
        folder: The folder of the pipeline.
        mounts: What they see of this machine.
        limits: By step, what it may use.
        gpus: Whether they get the GPUs.
    """

    image: str
    folder: str
    mounts: tuple[Mount, ...]
    limits: dict[str, Limit]
    gpus: bool

    @classmethod
    def of(cls, request: Request, folder: Path, image: str) -> ContainerSettings:
        """Return the settings for a search.

        Args:
            request: The search.
            folder: The folder of its pipeline.
            image: Id of the image.

        Raises:
            UserError: A folder that it needs cannot be shown to a container.
        """
        mounts = mounts_of(request, request.store(), environment(os.environ))
        return cls(image, str(folder), mounts, limits_of(request.config), request.device_kind.startswith("cuda-"))

    def to_json(self) -> str:
        """Return the settings as JSON text; they hold no value of the environment."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> ContainerSettings:
        """Read back what `to_json` gave."""
        document = json.loads(text)
        mounts = tuple(Mount(**mount) for mount in document["mounts"])
        limits = {step: Limit(**limit) for step, limit in document["limits"].items()}
        return cls(document["image"], document["folder"], mounts, limits, document["gpus"])

    def arguments(self, daemon: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments that kfp's DockerRunner hands to `docker run`, for every step.

        A container runs as the calling user, without privileges, on a file system that it cannot write. Its processes
        see those of this machine, so that they end with the command, and know whether the holder of a lease lives.

        Args:
            daemon: What `docker info` says.
            variables: The environment of this process.
        """
        from docker.types import DeviceRequest
        from docker.types import Mount as Bound

        modes = {option.partition(",")[0].removeprefix("name=") for option in daemon.get("SecurityOptions") or []}
        found: dict[str, Any] = {
            # Without privileges, Docker's own root is the calling user.
            "user": "0:0" if "rootless" in modes else f"{os.getuid()}:{os.getgid()}",
            "group_add": [] if "rootless" in modes else sorted({str(group) for group in os.getgroups()}),
            "environment": environment(variables),
            "labels": {LABEL: self.folder},
            "mounts": [Bound(each.path, each.path, type="bind", read_only=not each.writable) for each in self.mounts],
            "read_only": True,
            "tmpfs": {"/tmp": "rw,exec,nosuid,nodev,mode=1777"},
            "network_mode": "host",
            "pid_mode": "host",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges", *(["label=disable"] if "selinux" in modes else [])],
        }
        if "userns" in modes:
            found["userns_mode"] = "host"
        if self.gpus:
            found["device_requests"] = [DeviceRequest(count=-1, capabilities=[["gpu"]])]
        return found

    def limited(self, step: str) -> dict[str, Any]:
        """Return the further arguments of one step."""
        limit = self.limits[step]
        found: dict[str, Any] = {"shm_size": limit.shared_memory}
        if limit.memory is not None:
            found |= {"mem_limit": limit.memory, "memswap_limit": limit.memory}
        if limit.cpu is not None:
            found["nano_cpus"] = int(1e9 * min(limit.cpu, float(os.cpu_count() or 1)))
        return found

    def cores(self, step: str) -> dict[str, str]:
        """Return the variable that tells a step how many cores it has, where that is not all of them."""
        cpu = self.limits[step].cpu
        return {} if cpu is None else {CORES: str(max(1, int(cpu)))}


def limits_of(config: SearchConfig) -> dict[str, Limit]:
    """Return by step what `resources` lets it use: what its pod would have on a cluster."""
    found: dict[str, Limit] = {}
    for step in STEPS:
        pod = pod_of(config, step)
        memory = None if pod.memory_gib is None else int(pod.memory_gib * _GIB)
        shared = pod.shared_memory_gib if pod.shared_memory_gib is not None else _SHARED_MEMORY_GIB
        found[step] = Limit(memory, pod.cpu, int(shared * _GIB))
    return found


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what of this process's environment the steps get: settings and credentials of what they use.

    Args:
        variables: The environment of this process.
    """
    found = {
        name: value
        for name, value in variables.items()
        if (name.startswith(_PREFIXES) or name.upper() in _NAMES) and name not in _OWN
    }
    for name, file in _PROFILES.items():
        path = Path.home() / ".aws" / file
        if name not in found and path.is_file():
            found[name] = str(path)
    return found | {CACHE: str(cache_folder())}
