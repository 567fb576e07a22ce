"""The search as a Kubeflow pipeline: rounds of propose and train, then delivery."""

from typing import Any

from kfp import dsl

from nasflow.components.export_model.component import export_model
from nasflow.components.generate_space.component import generate_space
from nasflow.components.prepare_data.component import prepare_data
from nasflow.components.propose.component import propose
from nasflow.components.register_model.component import register_model
from nasflow.components.report.component import report
from nasflow.components.select.component import select
from nasflow.components.train_candidates.component import train_candidates
from nasflow.components.train_final.component import train_final


def search_pipeline(name: str, rounds: int, parallelism: int, default: str) -> Any:
    """Return the pipeline of a search; its one parameter is the request.

    Args:
        name: Name of the pipeline.
        rounds: Number of rounds, unrolled.
        parallelism: Shards of a round that run at the same time.
        default: The request that it runs when it is started without another one.
    """

    @dsl.pipeline(name=name, description="Neural architecture search from one YAML to a registered model.")
    def pipeline(request: str = default) -> None:
        data = _uncached(prepare_data(request=request)).outputs["data"]
        space = generate_space(request=request, data=data).outputs["space"]
        known = {"request": request, "data": data, "space": space}
        before: dict[str, Any] = {}
        for number in range(rounds):
            proposed = _uncached(propose(number=number, **known, **before))
            with dsl.ParallelFor(proposed.outputs["Output"], parallelism=parallelism) as shard:
                trained = _uncached(train_candidates(shard=shard, proposal=proposed.outputs["proposal"], **known))
            before = {"receipts": dsl.Collected(trained.outputs["receipt"])}
        selection = _uncached(select(**before, **known)).outputs["selection"]
        outcome = _uncached(train_final(selection=selection, **known)).outputs["outcome"]
        model = _uncached(export_model(outcome=outcome, **known)).outputs["model"]
        page = _uncached(report(outcome=outcome, **known)).outputs["page"]
        _uncached(register_model(outcome=outcome, model=model, page=page, **known))

    return pipeline


def _uncached(task: Any) -> Any:
    """Switch KFP's cache off: the task reads or writes the store, which the cache's key does not know."""
    return task.set_caching_options(False)
