"""The pods of a search on a cluster: the part of `resources` that says what each step's pod has and where it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from nasflow.config.base import Section
from nasflow.config.kube import (
    secret_like,
    wrong_data_key,
    wrong_device,
    wrong_label_key,
    wrong_label_value,
    wrong_mount,
    wrong_object,
    wrong_variable,
    wrong_volume,
)
from nasflow.config.steps import Step
from nasflow.config.unsettable import set_elsewhere

_RESERVED = ("pipelines.kubeflow.org/", "workflows.argoproj.io/", "nasflow/")
_LONGEST_ANNOTATIONS = 256 * 1024

References = dict[str, dict[str, str]]
"""Secrets or ConfigMaps by name; of each, environment variables and the keys that hold their values."""


class AcceleratorConfig(Section):
    """Accelerators of a pod."""

    type: str = "nvidia.com/gpu"
    """Resource name of the device plugin, as in `nvidia.com/gpu`, `amd.com/gpu` or `nvidia.com/mig-1g.5gb`. Nodes
    tainted with it are tolerated."""

    count: int = Field(default=1, ge=0, le=64)
    """How many; 0 takes those of `resources` away from a step."""

    @field_validator("type")
    @classmethod
    def _type_is_a_resource(cls, value: str) -> str:
        return _checked(value, wrong_device)


class TolerationConfig(Section):
    """A taint of nodes that a pod tolerates."""

    key: str | None = None
    """Key of the taint; by default every taint."""

    operator: Literal["Exists", "Equal"] | None = None
    """`Equal` compares the value, `Exists` takes any; by default what fits the value given, or none given."""

    value: str | None = None
    """Value of the taint."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; by default every effect."""

    seconds: int | None = Field(default=None, ge=0)
    """How long a pod stays after a `NoExecute` taint has come, in seconds; by default for ever."""

    @field_validator("key")
    @classmethod
    def _key_is_a_label(cls, value: str | None) -> str | None:
        return value if value is None else _checked(value, wrong_label_key)

    @field_validator("value")
    @classmethod
    def _value_is_a_label(cls, value: str | None) -> str | None:
        return value if value is None else _checked(value, wrong_label_value)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("value has no effect with operator: Exists; remove one of them")
        if self.operator == "Equal" and self.value is None:
            raise ValueError("value is missing, which operator: Equal compares; give it, or write operator: Exists")
        if self.key is None and self.value is not None:
            raise ValueError("key is missing, whose value is compared; give it, or remove value")
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError("seconds needs effect: NoExecute, which alone makes running pods leave")
        return self


class PodConfig(Section):
    """What a step's pod has on a cluster; `nasflow run` on one machine takes nothing of it but `memory_gib`."""

    cpu: float | None = Field(default=None, ge=0.001, le=1024)
    """Cores, as in 4, 0.5 or `500m`: request and limit at once. A step that trains has as many workers by default; by
    default a pod asks for a little and may use what its node has, or 2 where it does not train."""

    memory_gib: float | None = Field(default=None, gt=0)
    """Memory of the pod in GiB: request and limit at once; workers use 80 % of what is free of it. By default no limit
    where a step trains, else 4."""

    accelerator: AcceleratorConfig | None = None
    """Accelerators of the steps that train; another step has them only where it is named in `steps`."""

    node_selector: dict[str, str] = {}
    """Labels of the nodes that the steps that train may run on."""

    tolerations: list[TolerationConfig] = []
    """Taints of nodes that the steps that train tolerate."""

    spot: Literal["never", "aks", "eks", "gke", "karpenter"] | None = None
    """Train on the spot nodes of a provider: its node label, and its taint where it has one. `never` keeps a step off
    them that `resources` would put there; elsewhere, use `node_selector` and `tolerations`."""

    shared_memory_gib: float | None = Field(default=None, gt=0)
    """Size of /dev/shm in GiB in the steps that train, part of `memory_gib`; by default the 64 MiB of the node."""

    cache: str | None = None
    """Name of a PersistentVolumeClaim that `prepare_data` keeps downloads and prepared data in, mounted at /cache; by
    default they are made again in each run."""

    image_pull_secrets: list[str] = []
    """Secrets that the image is pulled with, in every step."""

    secrets: References = {}
    """Environment variables from Secrets, as in `nasflow-s3: {AWS_ACCESS_KEY_ID: accesskey}`. Those of storage and
    MLflow go to the steps that use them; any other is given to a step by its name in `steps`."""

    secret_files: dict[str, str] = {}
    """Secrets mounted as folders, as in `nasflow-s3: /secrets/s3`, in the steps that use the variables of `env` that
    point there; any other is given to a step by its name in `steps`."""

    config_maps: References = {}
    """Environment variables from ConfigMaps, as in `nasflow: {MLFLOW_TRACKING_URI: tracking}`, in every step."""

    env: dict[str, str] = {}
    """Environment variables in every step; none that holds a secret."""

    labels: dict[str, str] = {}
    """Labels of the pods, besides `nasflow/search` and `nasflow/step`."""

    annotations: dict[str, str] = {}
    """Annotations of the pods."""

    @classmethod
    def set_elsewhere(cls, key: str) -> str:
        """Return where a field is set that Kubeflow Pipelines cannot set on a task."""
        return set_elsewhere(key)

    @field_validator("cpu", mode="before")
    @classmethod
    def _millicores(cls, value: Any) -> Any:
        if isinstance(value, str) and value.removesuffix("m").isdecimal() and value.endswith("m"):
            return int(value[:-1]) / 1000
        return value

    @field_validator("cache")
    @classmethod
    def _cache_is_a_claim(cls, value: str | None) -> str | None:
        return value if value is None else _checked(value, wrong_volume)

    @field_validator("image_pull_secrets")
    @classmethod
    def _pull_secrets_are_names(cls, value: list[str]) -> list[str]:
        return [_checked(name, wrong_object) for name in value]

    @field_validator("node_selector", "labels")
    @classmethod
    def _are_labels(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            _check_key(key, wrong_label_key)
            if problem := wrong_label_value(text):
                raise ValueError(f"has a wrong value under '{key}', which {problem}")
        return value

    @field_validator("annotations")
    @classmethod
    def _annotations_fit(cls, value: dict[str, str]) -> dict[str, str]:
        for key in value:
            _check_key(key, wrong_label_key)
        size = sum(len(key.encode()) + len(text.encode()) for key, text in value.items())
        if size > _LONGEST_ANNOTATIONS:
            raise ValueError(f"must be at most {_LONGEST_ANNOTATIONS:,} bytes together, not {size:,}")
        return value

    @field_validator("labels", "annotations")
    @classmethod
    def _reserved_keys_stay(cls, value: dict[str, str]) -> dict[str, str]:
        for key in value:
            if key.startswith(_RESERVED):
                owner = key.partition("/")[0]
                raise ValueError(f"has the key '{key}', which '{owner}' sets itself; choose another")
        return value

    @field_validator("env", mode="before")
    @classmethod
    def _no_secret_in_env(cls, value: Any) -> Any:
        """Look at the names before the values, so that no message repeats a secret."""
        for name in value if isinstance(value, Mapping) else ():
            if isinstance(name, str) and secret_like(name):
                raise ValueError(f"has {name}, which holds a secret; refer to a Secret's key in resources.secrets")
        return value

    @field_validator("env")
    @classmethod
    def _env_has_names(cls, value: dict[str, str]) -> dict[str, str]:
        from nasflow.passwords import holds_login

        for name, text in value.items():
            _check_key(name, wrong_variable)
            if holds_login(text):
                raise ValueError(f"has a user or password in {name}; refer to a Secret's key in resources.secrets")
        return value

    @field_validator("secrets", "config_maps", mode="before")
    @classmethod
    def _are_references(cls, value: Any) -> Any:
        """Look at the form first, in words that repeat no value: somebody may have written the secret itself."""
        entries = value.items() if isinstance(value, Mapping) else ()
        for name, variables in entries:
            if not isinstance(variables, Mapping) or any(not isinstance(key, str) for key in variables.values()):
                raise ValueError(
                    f"must have variables and the keys of their values under '{name}', as in "
                    "nasflow-s3: {AWS_ACCESS_KEY_ID: accesskey}"
                )
        return value

    @field_validator("secrets", "config_maps")
    @classmethod
    def _references_are_names(cls, value: References) -> References:
        for name, variables in value.items():
            _check_key(name, wrong_object)
            if not variables:
                raise ValueError(f"has nothing under '{name}'; name a variable and a key, or remove the line")
            for variable, key in variables.items():
                _check_key(variable, wrong_variable)
                if problem := wrong_data_key(key):
                    raise ValueError(f"has a wrong key for {variable} under '{name}', which {problem}")
        return value

    @field_validator("config_maps")
    @classmethod
    def _no_secret_in_config_maps(cls, value: References) -> References:
        for name, variables in value.items():
            for variable in filter(secret_like, variables):
                raise ValueError(f"has {variable} under '{name}', which holds a secret; move it to resources.secrets")
        return value

    @field_validator("secret_files")
    @classmethod
    def _files_are_mounted(cls, value: dict[str, str]) -> dict[str, str]:
        for name, path in value.items():
            _check_key(name, wrong_volume)
            if problem := wrong_mount(path):
                raise ValueError(f"has a wrong path for '{name}', which {problem}")
        return value


class PodsConfig(PodConfig):
    """The pods of all steps, and of single steps where they differ."""

    steps: dict[Step, PodConfig] = {}
    """What differs in a step, by its name, as in `train_final: {memory_gib: 64, spot: never}`. Mappings are joined,
    lists added to."""


def _checked(value: str, rule: Callable[[str], str]) -> str:
    if problem := rule(value):
        raise ValueError(problem)
    return value


def _check_key(key: str, rule: Callable[[str], str]) -> None:
    if problem := rule(key):
        raise ValueError(f"has a wrong name, which {problem}")
