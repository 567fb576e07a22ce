"""A search worked out: the request, the data and the space put together, with everything derived from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from nasflow.config import BoundConfig, SearchConfig, recipe_choices
from nasflow.data.bundle import DataBundle
from nasflow.engine.request import Request
from nasflow.errors import SpaceError
from nasflow.ids import digest
from nasflow.objectives import Direction, Objective
from nasflow.objectives.loading import load_objectives
from nasflow.plugins import load
from nasflow.spaces import (
    RECIPE,
    RESOLUTION,
    Architecture,
    Bound,
    Choice,
    NetworkCost,
    NetworkIO,
    SearchSpace,
    cost_of,
)
from nasflow.strategies import Problem, Strategy
from nasflow.strategies.loading import load_strategy
from nasflow.tasks import Task
from nasflow.tasks.loading import load_task
from nasflow.training.identity import trial_context, trial_of
from nasflow.trials import Candidate, Fidelity, Patience, Trial


def reference_cost(task: Task, io: NetworkIO) -> NetworkCost:
    """Return parameters and FLOPs of the task's reference network."""
    return cost_of(task.reference(io), io)


def make_space(config: SearchConfig, task: Task, io: NetworkIO) -> SearchSpace:
    """Return the space that the configuration describes.

    Raises:
        SpaceError: A restriction names an unknown choice or value.
    """
    bounds: dict[str, Bound] = {
        name: _resolved(bound, name, task, io) for name, bound in config.space.constraints.items()
    }
    asked = config.space
    return SearchSpace.of(
        asked.family,
        io,
        asked.options,
        restrictions=asked.choices,
        constraints=bounds,
        beside=_beside(config, io),
    )


def _beside(config: SearchConfig, io: NetworkIO) -> Iterator[Choice]:
    """Yield the choices of the space that are not the family's.

    Raises:
        SpaceError: A resolution is above that of the stored images.
    """
    sizes = config.space.resolutions
    if sizes and max(sizes) > io.size:
        raise SpaceError(
            f"space.resolutions must be at most {io.size}, the size of the stored images, not {max(sizes)}; lower it, "
            f"or raise data.size."
        )
    if sizes:
        yield Choice(RESOLUTION, tuple(sizes))
    for choice in recipe_choices(config.space.recipe):
        parent = None if choice.parent is None else RECIPE + choice.parent
        yield Choice(RECIPE + choice.name, choice.values, parent, choice.when)


def _resolved(bound: BoundConfig, quantity: str, task: Task, io: NetworkIO) -> Bound:
    if bound.less_than != "reference":
        return Bound(bound.less_than, bound.more_than)
    return Bound(float(getattr(reference_cost(task, io), quantity)), bound.more_than)


def make_objectives(config: SearchConfig, task: Task, io: NetworkIO) -> tuple[Objective, ...]:
    """Return the objectives, bounds resolved.

    Raises:
        ConfigError: An objective is unknown or its bound impossible.
    """
    directions: Mapping[str, Direction] = {metric.name: metric.direction for metric in task.metrics}
    return load_objectives(config.objectives, directions, lambda: reference_cost(task, io))


@dataclass(frozen=True)
class Known:
    """What is known of a search without its data: enough to show it.

    Attributes:
        config: The configuration.
        space: The networks that may be proposed.
        objectives: What makes a network good.
    """

    config: SearchConfig
    space: SearchSpace
    objectives: tuple[Objective, ...]

    @classmethod
    def of(cls, config: SearchConfig, space: SearchSpace) -> Known:
        """Return it from a configuration and its space."""
        return cls(config, space, make_objectives(config, load_task(config), space.io))

    def cost(self, architecture: Architecture) -> NetworkCost:
        """Return parameters and FLOPs of any architecture, the reference included."""
        return cost_of(architecture, self.space.io)


@dataclass(frozen=True)
class Plan:
    """A search worked out.

    Attributes:
        request: What was asked for.
        bundle: The prepared data.
        space: The networks that may be proposed.
        deadline: Unix seconds at which everything is to be done, or None; no part of the search's identity.
    """

    request: Request
    bundle: DataBundle
    space: SearchSpace
    deadline: float | None = field(default=None, compare=False)

    @property
    def config(self) -> SearchConfig:
        """The configuration."""
        return self.request.config

    @cached_property
    def task(self) -> Task:
        """What is learned."""
        return load_task(self.config)

    @cached_property
    def strategy(self) -> Strategy:
        """How the search proceeds."""
        return load_strategy(self.config.strategy.name, self.config.strategy.options)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What makes a network good."""
        return make_objectives(self.config, self.task, self.space.io)

    @cached_property
    def reference(self) -> Architecture:
        """The network that the search has to beat."""
        return self.task.reference(self.space.io)

    @cached_property
    def context(self) -> str:
        """What every trial of this search shares, hashed."""
        return trial_context(self.config, self.bundle.fingerprint, self.request.device_kind)

    @cached_property
    def final_config(self) -> SearchConfig:
        """The configuration that full trainings run by."""
        return final_config(self.config)

    @property
    def _strategy_options(self) -> dict[str, Any]:
        """The strategy's options with its defaults, so that spelling a default out changes nothing."""
        model = load("strategies", self.config.strategy.name).Options
        options: dict[str, Any] = model.model_validate(self.config.strategy.options).model_dump(mode="json")
        return options

    def in_generation(self, generation: int) -> Plan:
        """Return the plan of the same search in another generation."""
        return Plan(replace(self.request, generation=generation), self.bundle, self.space, self.deadline)

    @property
    def fidelity(self) -> Fidelity:
        """The training that a trial of the search gets."""
        return trial_fidelity(self.config)

    @cached_property
    def search_id(self) -> str:
        """Hash of all that the search's history depends on; budget and goals are left out: raised, they continue it."""
        config = self.config
        return digest(
            {
                "name": config.name,
                "seed": config.seed,
                "space": self.space.to_json(),
                "strategy": {"name": config.strategy.name, "options": self._strategy_options},
                "objectives": [_identity(objective) for objective in self.objectives],
                "fidelity": self.fidelity.to_json(),
                "round_size": config.parallelism.round_size,
                "context": self.context,
                "generation": self.request.generation,
                **({"refresh": self.request.refresh} if self.request.refresh else {}),
            }
        )

    def problem(self, state: Mapping[str, Any] | None) -> Problem:
        """Return what the strategy may know."""
        return Problem(
            space=self.space,
            objectives=self.objectives,
            fidelity=self.fidelity,
            trials=self.config.budget.trials,
            seed=self.config.seed,
            generation=self.request.generation,
            state=state,
        )

    def trial(self, candidate: Candidate) -> Trial:
        """Return the trial of a strategy's candidate."""
        return trial_of(candidate, self.config.seed, self.context)

    def full_training(self, architecture: Architecture, epochs: int | None = None) -> Trial:
        """Return the full training of an architecture on all the training samples.

        Args:
            architecture: The network.
            epochs: How long; by default the final epochs that are asked for.
        """
        epochs = epochs or self.config.final_epochs
        fidelity = Fidelity(epochs, epochs, patience=self._patience)
        candidate = Candidate(architecture, fidelity, (architecture.id,), "final")
        context = trial_context(self.final_config, self.bundle.fingerprint, self.request.device_kind)
        return trial_of(candidate, self.config.seed, context, purpose="final")

    @property
    def _patience(self) -> Patience | None:
        """When a full training ends early: by the first objective, or the task's first metric where it is none."""
        epochs = self.config.final.patience
        if epochs is None:
            return None
        first, metrics = self.objectives[0], self.task.metrics
        if first.name in {f"val_{metric.name}" for metric in metrics}:
            return Patience(epochs, first.name, first.direction)
        return Patience(epochs, f"val_{metrics[0].name}", metrics[0].direction)

    @cached_property
    def known(self) -> Known:
        """What is known of the search without its data."""
        return Known(self.config, self.space, self.objectives)

    def cost(self, architecture: Architecture) -> NetworkCost:
        """Return parameters and FLOPs of any architecture, the reference included."""
        return self.known.cost(architecture)


def trial_fidelity(config: SearchConfig) -> Fidelity:
    """Return the training that a trial of a search gets."""
    asked = config.fidelity
    return Fidelity(asked.epochs, asked.epochs, asked.data_fraction)


def final_config(config: SearchConfig) -> SearchConfig:
    """Return the configuration that full trainings run by: their own threads, and all the time that they need."""
    parallelism = {"threads": config.final_threads, "workers": config.final_workers}
    return config.model_copy(
        update={
            "budget": config.budget.model_copy(update={"trial_seconds": None}),
            "parallelism": config.parallelism.model_copy(update=parallelism),
        }
    )


def _identity(objective: Objective) -> dict[str, Any]:
    """Return what of an objective a search's history depends on."""
    return {name: value for name, value in asdict(objective).items() if name != "stop_at"}
