"""What happens before a search runs: everything checked, the data prepared, the search identified."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.data.opening import Found, find_source
from nasflow.data.protocol import DataShape, Summary
from nasflow.engine.kept import holder_of
from nasflow.engine.measurements import check_measurable
from nasflow.engine.plan import Plan, make_objectives, make_space
from nasflow.engine.preparing import prepared
from nasflow.engine.probing import DeviceProbe
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request, anchored, deadline_of
from nasflow.errors import ConfigError, HeldError, SpaceError
from nasflow.objectives import Objective
from nasflow.objectives.loading import cheap_rejection
from nasflow.spaces import SearchSpace
from nasflow.storage import Store, check_url
from nasflow.storage.patience import at_the_door
from nasflow.tasks.fitting import check_recipes
from nasflow.tasks.loading import load_task

Progress = Callable[[int, int], None]

_LOOKS = 2000


@dataclass(frozen=True)
class Admitted:
    """A search that may run.

    Attributes:
        plan: The search worked out.
        records: Its part of the store.
        began: Unix seconds at which it asked to.
    """

    plan: Plan
    records: SearchRecords
    began: float


@dataclass(frozen=True)
class Outlook:
    """What would be searched, known without preparing the data.

    Attributes:
        found: The source, and what it holds.
        space: The networks that may be proposed.
        objectives: What makes a network good, bounds resolved.
    """

    found: Found
    space: SearchSpace
    objectives: tuple[Objective, ...]

    @property
    def summary(self) -> Summary:
        """What the source holds."""
        return self.found.summary


def outlook(config: SearchConfig, base: Path) -> Outlook:
    """Look at data and space and check that a search can be made of them; writes nothing.

    Raises:
        UserError: The store, the data, the space or the objectives cannot be used.
    """
    check_url(config.storage.url)
    with at_the_door():
        found = find_source(config.data, base)
    space, objectives = fitting(config, found.summary)
    check_measurable(objectives)
    return Outlook(found, space, objectives)


def fitting(config: SearchConfig, data: DataShape) -> tuple[SearchSpace, tuple[Objective, ...]]:
    """Return the space and the objectives that a search has on its data, once they go together.

    Args:
        config: The search.
        data: What is known of the data; a pipeline that is compiled away from them knows it in its own steps alone.

    Raises:
        UserError: The recipe, the space or the objectives do not suit the data, or leave nothing to train.
    """
    task = load_task(config)
    io = task.io(data)
    check_recipes(config, task, io)
    space = make_space(config, task, io)
    objectives = make_objectives(config, task, io)
    _check_bounds(space, objectives)
    return space, objectives


def _check_bounds(space: SearchSpace, objectives: tuple[Objective, ...]) -> None:
    """Refuse constraints and bounds that leave nothing to train.

    Raises:
        SpaceError: None of many sampled networks keeps them.
    """
    rng = random.Random(0)
    cause: str | None = ""
    for _ in range(_LOOKS):
        cost = space.known_cost(space.sample(rng))
        cause = cheap_rejection(objectives, cost) if cost is not None else "its family fails at it."
        if cause is None:
            return
    raise SpaceError(
        f"objectives: none of {_LOOKS:,} sampled networks would be trained; the last one was rejected, since {cause} "
        f"Widen the bound, or narrow space.choices to networks that keep it."
    )


def _check_budget(plan: Plan, records: SearchRecords) -> None:
    """Refuse a budget below what was proposed already.

    Raises:
        ConfigError: It is.
    """
    known = sum(len(batch.trials) for batch in records.batches())
    if known > plan.config.budget.trials:
        raise ConfigError(
            [
                f"budget.trials must be at least {known}, the trials that search '{plan.config.name}' has already, not "
                f"{plan.config.budget.trials}; raise it, or start anew with --new."
            ]
        )


def admit(
    config: SearchConfig, base: Path, *, anew: bool = False, refresh: str = "", on_progress: Progress | None = None
) -> Admitted:
    """Prepare the data, check everything that can be checked, and identify the search.

    Args:
        config: The configuration, validated.
        base: Folder that relative data paths start at.
        anew: Start the search anew even where it has run before.
        refresh: Id of the refresh that the search is a part of, if any.
        on_progress: Told of samples prepared and samples in all.

    Raises:
        UserError: The data, the space or the objectives cannot be used; nothing is left behind.
        HeldError: It is to start anew while it runs.
        SearchError: The device cannot be used.
    """
    began = time.time()
    config = anchored(config)
    request = Request(config, base.resolve(), "", 0, refresh)
    found = outlook(config, request.base).found
    store = request.store()
    probe = DeviceProbe(config.resources, store)
    try:
        if config.resources.device == "cuda":
            probe.result()  # it may not be there; then nothing is to be written
        bundle = prepared(config.data, request.base, store, on_progress, found)
        task = load_task(config)
        space = make_space(config, task, task.io(bundle))
        request = replace(request, device_kind=probe.result())
        plan = Plan(request, bundle, space, deadline_of(config, began))
    finally:
        probe.close()
    plan = present(plan, store)
    if anew:
        plan = _following(plan, store)
    records = SearchRecords(store, plan.search_id)
    _check_budget(plan, records)
    return Admitted(plan, records, began)


def present(plan: Plan, store: Store) -> Plan:
    """Return the plan of the present generation of a search, from that of the first one."""
    known = SearchRecords(store, plan.search_id).read("generation")
    return plan.in_generation(int(known["generation"])) if known else plan


def _following(plan: Plan, store: Store) -> Plan:
    """Return the plan of the generation after the present one, which becomes the present one; one never begun stays.

    Raises:
        HeldError: The present one is running.
    """
    present = SearchRecords(store, plan.search_id)
    if present.description() is None:
        return plan
    if holder := holder_of(present):
        raise HeldError(
            f"search '{plan.config.name}' is held by {holder}; wait until it ends, or stop that process, before you "
            f"start it anew."
        )
    following = plan.in_generation(plan.request.generation + 1)
    first = SearchRecords(store, plan.in_generation(0).search_id)
    first.write("generation", {"generation": following.request.generation})
    return following
