"""The refresh as a Kubeflow pipeline: the search's own steps, behind a look at the data."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from nasflow.components.conclude_refresh.component import conclude_refresh
from nasflow.components.detect_change.component import detect_change
from nasflow.components.prepare_data.component import prepare_data
from nasflow.config import SearchConfig
from nasflow.pipelines.search.pipeline import Tasks, search_tasks


def refresh_pipeline(
    name: str, config: SearchConfig, parallelism: int, default: str, clothe: Callable[[Any], None] | None = None
) -> Any:
    """Return the pipeline of a refresh, whose parameters are those of a search.

    Where nothing has changed, it ends with its second step.

    Args:
        name: Name of the search's pipeline; this one's ends with `-refresh`.
        config: The search, as `refreshing` gives it; its rounds are unrolled.
        parallelism: Shards of a round that run at the same time.
        default: The request that it runs when it is started without another one.
        clothe: Gives a task what its pod has on a cluster; absent where it runs on this machine.
    """
    tasks = Tasks(clothe)

    @dsl.pipeline(
        name=f"{name}-refresh", description="Replaces a champion once the data have changed, by a better one."
    )
    def pipeline(request: str = default, deadline: float = 0.0) -> None:
        prepared = tasks.uncached(prepare_data(request=request, deadline=deadline))
        detected = tasks.uncached(detect_change(request=request, data=prepared.outputs["data"]))
        with dsl.If(detected.outputs["Output"] == "yes", name="changed"):
            searched = search_tasks(config, parallelism, tasks, detected.outputs["refreshed"], prepared)
            tasks.uncached(conclude_refresh(**searched))

    return pipeline
