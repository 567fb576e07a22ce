"""Do the rounds that are no steps of the pipeline, as long as there is time."""

from typing import List

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Markdown, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def search_on(
    request: str,
    deadline: float,
    first: int,
    data: Input[Dataset],
    space: Input[Artifact],
    receipts: Input[List[Artifact]],
    receipt: Output[Artifact],
    summary: Output[Markdown],
) -> None:
    """Propose and train round after round.

    Args:
        request: The search as it is asked for.
        deadline: Unix seconds at which everything is to be done; 0 where there is no such time.
        first: The first of these rounds, from 0.
        data: Folder of the prepared data.
        space: File of the search space.
        receipts: What the shards of the round before have left; they order this step behind them.
        receipt: File with the ids of the trials that have a result now.
        summary: What the step has done, as a page.
    """
    import json
    from pathlib import Path

    from nasflow.engine.concluding import failure_told
    from nasflow.engine.search import run_rounds
    from nasflow.engine.steps import opened, step
    from nasflow.engine.telling import trials_told
    from nasflow.engine.trialling import open_tracker

    with step("search_on", summary.path) as say:
        plan, records = opened(request, data.path, space.path, deadline)
        with failure_told(plan, records):
            with open_tracker(plan, records) as tracker:
                history = run_rounds(plan, records, tracker, first=first, steps_left=1)
            done = [entry.trial.id for entry in history if entry.result is not None]
            Path(receipt.path).write_text(json.dumps(done))
            receipt.metadata.update(trials=len(done), receipts=len(receipts))
            say(trials_told(plan.objectives, history))
