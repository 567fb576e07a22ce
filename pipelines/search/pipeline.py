"""The search as a Kubeflow pipeline: rounds of propose and train, then delivery."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from nasflow.components.export_model.component import export_model
from nasflow.components.generate_space.component import generate_space
from nasflow.components.prepare_data.component import prepare_data
from nasflow.components.propose.component import propose
from nasflow.components.register_model.component import register_model
from nasflow.components.report.component import report
from nasflow.components.search_on.component import search_on
from nasflow.components.select.component import select
from nasflow.components.train_candidates.component import train_candidates
from nasflow.components.train_final.component import train_final
from nasflow.config import SearchConfig
from nasflow.engine.rounds import unrolled_rounds


def search_pipeline(
    name: str, config: SearchConfig, parallelism: int, default: str, clothe: Callable[[Any], None] | None = None
) -> Any:
    """Return the pipeline of a search.

    Its parameters are the request and the deadline in Unix seconds; where that is 0, the hours of the budget count from
    its first step.

    Args:
        name: Name of the pipeline.
        config: The search; its rounds are unrolled.
        parallelism: Shards of a round that run at the same time.
        default: The request that it runs when it is started without another one.
        clothe: Gives a task what its pod has on a cluster; absent where it runs on this machine.
    """
    tasks = Tasks(clothe)

    @dsl.pipeline(name=name, description="Neural architecture search from one YAML to a registered model.")
    def pipeline(request: str = default, deadline: float = 0.0) -> None:
        prepared = tasks.uncached(prepare_data(request=request, deadline=deadline))
        search_tasks(config, parallelism, tasks, request, prepared)

    return pipeline


class Tasks:
    """What every task of a pipeline gets.

    Args:
        clothe: Gives a task what its pod has on a cluster; None where it runs on this machine.
    """

    def __init__(self, clothe: Callable[[Any], None] | None) -> None:
        self._clothe = clothe

    def cached(self, task: Any) -> Any:
        """Return a task whose result KFP may take from its cache."""
        if self._clothe is not None:
            self._clothe(task)
        return task

    def uncached(self, task: Any) -> Any:
        """Switch KFP's cache off: the task reads or writes the store, which the cache's key does not know."""
        return self.cached(task).set_caching_options(False)


def search_tasks(config: SearchConfig, parallelism: int, tasks: Tasks, request: Any, prepared: Any) -> dict[str, Any]:
    """Add the tasks of a search to the pipeline that is being made, from the space to the registered model.

    Args:
        config: The search; its rounds are unrolled.
        parallelism: Shards of a round that run at the same time.
        tasks: What each of them gets.
        request: The search as it is asked for: a parameter of the pipeline, or what a task gives.
        prepared: The task that prepares the data.

    Returns:
        What the last tasks were given, and the artifact `registration`.
    """
    cached, uncached, rounds = tasks.cached, tasks.uncached, unrolled_rounds(config)
    data = prepared.outputs["data"]
    space = cached(generate_space(request=request, data=data)).outputs["space"]
    known = {"request": request, "data": data, "space": space}
    timed = known | {"deadline": prepared.outputs["deadline"]}
    before: dict[str, Any] = {}
    receipt: Any = None
    for number in range(rounds):
        proposed = uncached(propose(number=number, **timed, **before))
        with dsl.ParallelFor(proposed.outputs["Output"], parallelism=parallelism) as shard:
            trained = uncached(train_candidates(shard=shard, proposal=proposed.outputs["proposal"], **known))
        receipt = trained.outputs["receipt"]
        before = {"receipts": dsl.Collected(receipt)}
    selecting = uncached(select(**before, **timed))
    if config.rounds > rounds:
        selecting.after(uncached(search_on(first=rounds, receipts=dsl.Collected(receipt), **timed)))
    selection = selecting.outputs["selection"]
    outcome = uncached(train_final(selection=selection, **timed)).outputs["outcome"]
    model = uncached(export_model(outcome=outcome, **known)).outputs["model"]
    page = uncached(report(outcome=outcome, **known)).outputs["page"]
    registered = uncached(register_model(outcome=outcome, model=model, page=page, **known))
    return known | {"registration": registered.outputs["registration"]}
