"""The configuration of a search: what one YAML file may say."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from nasflow.config.base import Named, Section
from nasflow.config.checks import clashes
from nasflow.config.pods import PodsConfig
from nasflow.config.refresh import RefreshConfig
from nasflow.config.training import TrainingConfig

Scalar = str | int | float | bool

CORES = "NASFLOW_CORES"
"""Environment variable with the number of cores that a pod has."""


class SharesConfig(Section):
    """How the samples are shared out to the splits that the data do not give, in proportion to these numbers."""

    train: int = Field(default=70, ge=1, le=1000)
    """What the networks learn from."""

    val: int = Field(default=15, ge=1, le=1000)
    """What the search compares the networks on."""

    test: int = Field(default=15, ge=1, le=1000)
    """What the winner is measured on; nothing is decided by it before."""


class DataConfig(Section):
    """Where the samples come from and how they are stored."""

    bare = "source"

    source: str
    """`SOURCE:ARGUMENT`, as in `sklearn:digits` or `folder:photos`; a bare path is an image folder, or a zip or
    tar of one. Relative paths start at the folder of the configuration file."""

    size: int | None = Field(default=None, ge=8, le=224)
    """Height and width in pixels at which images are stored; by default found from the data."""

    max_broken: int = Field(default=20, ge=0)
    """How many unreadable samples are skipped (each is named) before preparation stops."""

    min_per_class: int = Field(default=10, ge=3)
    """Fewest samples that a class may have."""

    shares: SharesConfig = SharesConfig()
    """Sizes of the splits that the data do not give: `{train: 70, val: 15, test: 15}` unless said otherwise. With
    `test` given, `{train: 90, val: 10}` makes a tenth of the rest the validation samples."""

    options: dict[str, Any] = {}
    """Options of the source."""


class BoundConfig(Section):
    """A limit on a quantity that is known before training."""

    less_than: float | Literal["reference"] | None = None
    """The quantity must be below this; `reference` is the value of the task's reference network."""

    more_than: float | None = None
    """The quantity must be above this."""


class SpaceConfig(Section):
    """Which networks may be proposed."""

    bare = "family"

    family: str = "cnn"
    """Name of the family of networks."""

    options: dict[str, Any] = {}
    """Options of the family."""

    choices: dict[str, list[Scalar]] = {}
    """Narrower values for some choices of the family, as in `stage2.width: [32, 48]`."""

    resolutions: list[Annotated[int, Field(ge=8, le=224)]] = []
    """Heights and widths in pixels to choose from: a network resizes the stored images to one of them first."""

    recipe: dict[str, Any] = {}
    """Training settings to choose from, by their names in `training`: a list of values, or a range such as
    `learning_rate: {low: 0.01, high: 0.3, log: true, steps: 8}`. A list may be a mapping from each value to further
    settings that are chosen with it, as in `optimizer: {sgd: {momentum: [0.8, 0.9]}, adamw: {}}`."""

    constraints: dict[Literal["parameters", "flops"], BoundConfig] = {}
    """Limits that every proposed network keeps."""


class ObjectiveConfig(Section):
    """Something to optimise or to bound."""

    bare = "name"

    name: str
    """Name of a metric of the task, or of an objective."""

    direction: Literal["maximize", "minimize"] | None = None
    """Which way is better; by default the metric's own."""

    less_than: float | Literal["reference"] | None = None
    """Only networks below this are chosen; `reference` is the value of the task's reference network. A latency is in
    milliseconds."""

    more_than: float | None = None
    """Only networks above this are chosen."""

    stop_at: float | None = None
    """The search ends with the round in which a trial is as good as this."""


class FidelityConfig(Section):
    """How much training one trial of the search gets."""

    epochs: int = Field(default=10, ge=1)
    """Passes over the training samples."""

    data_fraction: float = Field(default=1.0, gt=0, le=1)
    """Share of the training samples that a trial sees; the same samples for every trial."""


class BudgetConfig(Section):
    """When the search ends."""

    trials: int = Field(default=24, ge=1)
    """Number of trials; raising it and running again continues the search."""

    hours: float | None = Field(default=None, gt=0, le=8760)
    """Hours of wall-clock time for everything, from the beginning of a run to the registered model: the search ends
    early enough, and full trainings get as many of their epochs as there is time for. By default no limit."""

    max_failed_trials: int | None = Field(default=None, ge=1)
    """The search stops when more trials than this have failed; by default half of `trials`, at least 5."""

    trial_seconds: float | None = Field(default=None, gt=0)
    """Wall-clock seconds after which one trial is stopped and recorded as timed out; by default none."""

    @property
    def failure_limit(self) -> int:
        """The number of failed trials that the search survives."""
        return self.max_failed_trials if self.max_failed_trials is not None else max(5, self.trials // 2)


class ParallelismConfig(Section):
    """How trials are laid out; nothing here but `threads` and `round_size` can change a result."""

    round_size: int = Field(default=8, ge=1)
    """Trials proposed at once, before any of their results is known."""

    shard_size: int | None = Field(default=None, ge=1)
    """Trials of a round that one task (one pod on a cluster) trains; by default the whole round."""

    workers: int | None = Field(default=None, ge=1, le=64)
    """Trials that a task trains at the same time; by default one for every `threads` cores."""

    threads: int = Field(default=1, ge=1, le=64)
    """CPU threads of one trial; part of a trial's identity, since it changes rounding."""


class FinalConfig(Section):
    """The full training of the best candidates."""

    candidates: int = Field(default=2, ge=1)
    """How many of the best architectures on validation are trained in full."""

    epochs: int | None = Field(default=None, ge=1)
    """Epochs of a full training; by default four times `fidelity.epochs`."""

    patience: int | None = Field(default=None, ge=1)
    """A full training ends when this many epochs have not improved the deciding metric, and keeps its best epoch; by
    default it has all its epochs and keeps the last."""

    threads: int | None = Field(default=None, ge=1, le=64)
    """CPU threads of one full training; by default `parallelism.threads`."""


class RegistryConfig(Section):
    """Where and when the winner is registered."""

    enabled: bool = True
    """Whether the winner is registered at all."""

    name: str | None = None
    """Name of the registered model; by default the search's name."""

    margin: float = Field(default=0.0, ge=0, lt=1)
    """How much better than the present champion the winner must be, on the task's first metric."""

    level: float = Field(default=0.05, gt=0, le=0.5)
    """Probability of promoting a network that is no better, which is accepted; what the paired test is held to."""

    @field_validator("name")
    @classmethod
    def _name_is_accepted_by_mlflow(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[^/:.%\"']*[^/:.%\"'\s][^/:.%\"']*", value):
            fixed = re.sub(r"[/:.%\"'\s]+", "-", value).strip("-") or "my-model"
            raise ValueError(f"must have a letter and none of / : . % \" ', not '{value}'; try '{fixed}'")
        return value


class TrackingConfig(Section):
    """Which MLflow is told of the search."""

    uri: str | None = None
    """Tracking URI; by default `MLFLOW_TRACKING_URI`, else an SQLite file in the store."""

    experiment: str | None = None
    """Name of the experiment; by default the search's name."""


class StorageConfig(Section):
    """Where results, checkpoints and prepared data are kept."""

    url: str = "nasflow-store"
    """A folder (relative to where the command is run), or a URL of an installed storage."""

    keep: Literal["none", "best", "all"] = "none"
    """Which trials' weights stay: `none`, those of the `final.candidates` best, or `all`; of trials that are trained
    while this is set. The weights of full trainings stay in any case."""


class ResourcesConfig(PodsConfig):
    """What the tasks may use; everything but `device` and `memory_gib` is for the pods of a cluster alone."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device to train on; `auto` takes a GPU where there is one."""

    memory_gib: float | None = Field(default=None, gt=0)
    """Memory in GiB that one training task may use, over all its workers; by default 80 % of what is free. On a
    cluster, it is the memory of a pod that trains, of which the workers use 80 %."""


class SearchConfig(Section):
    """A whole search, as one YAML file describes it."""

    name: str
    """Name of the search, of its experiment and of the registered model."""

    task: Named = Named(name="image_classification")
    """What is to be learned."""

    data: DataConfig
    """The data to learn from."""

    space: SpaceConfig = SpaceConfig()
    """The networks to search among."""

    strategy: Named = Named(name="evolution")
    """How the search proceeds."""

    objectives: list[ObjectiveConfig] = Field(default=[ObjectiveConfig(name="val_accuracy")], min_length=1)
    """What makes a network good; the first one decides, later ones break ties and carry bounds."""

    fidelity: FidelityConfig = FidelityConfig()
    """How much training one trial gets."""

    training: TrainingConfig = TrainingConfig()
    """The training recipe, shared by trials, finalists and the reference network."""

    budget: BudgetConfig = BudgetConfig()
    """When the search ends."""

    parallelism: ParallelismConfig = ParallelismConfig()
    """How trials are laid out."""

    final: FinalConfig = FinalConfig()
    """The full training of the best candidates."""

    registry: RegistryConfig = RegistryConfig()
    """Where and when the winner is registered."""

    refresh: RefreshConfig = RefreshConfig()
    """What `nasflow refresh` does once the data have changed."""

    tracking: TrackingConfig = TrackingConfig()
    """Which MLflow is told of the search."""

    storage: StorageConfig = StorageConfig()
    """Where results are kept."""

    resources: ResourcesConfig = ResourcesConfig()
    """What the tasks may use."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of every random decision."""

    @field_validator("name")
    @classmethod
    def _name_is_portable(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
            fixed = re.sub(r"[^a-z0-9-]+", "-", value.lower()).strip("-")[:63] or "my-search"
            raise ValueError(f"must be 1 to 63 lower-case letters, digits and hyphens, not '{value}'; try '{fixed}'")
        return value

    @model_validator(mode="after")
    def _values_go_together(self, info: ValidationInfo) -> Self:
        found = clashes(self) if not info.context or info.context.get("clashes", True) else []
        if found:
            raise ValueError(" ".join(clash.text for clash in found))
        return self

    @property
    def final_epochs(self) -> int:
        """Epochs of a full training."""
        return self.final.epochs if self.final.epochs is not None else 4 * self.fidelity.epochs

    @property
    def workers(self) -> int:
        """Trials that a task trains at the same time."""
        return self.parallelism.workers or _workers_for(self.parallelism.threads)

    @property
    def final_workers(self) -> int:
        """Full trainings that run at the same time: never more than trials, and one for every `final.threads` cores."""
        if self.final.threads is None:
            return self.workers
        return min(self.workers, _workers_for(self.final.threads))

    @property
    def final_threads(self) -> int:
        """CPU threads of one full training."""
        return self.final.threads or self.parallelism.threads

    @property
    def model_name(self) -> str:
        """Name of the registered model."""
        return self.registry.name or self.name

    @property
    def rounds(self) -> int:
        """How many rounds the budget fills."""
        return -(-self.budget.trials // self.parallelism.round_size)


def _workers_for(threads: int) -> int:
    """Return how many processes of so many threads have cores of their own, at least one."""
    return max(1, _cores() // threads)


def _cores() -> int:
    """Return how many cores this process may use; one in a pod sees all those of its node, and is told its own."""
    told = os.environ.get(CORES, "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
