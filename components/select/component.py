"""Select the best candidates of the search for full training."""

from typing import List

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Markdown, Metrics, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def select(
    request: str,
    deadline: float,
    data: Input[Dataset],
    space: Input[Artifact],
    receipts: Input[List[Artifact]],
    selection: Output[Artifact],
    history: Output[Artifact],
    leaderboard: Output[HTML],
    metrics: Output[Metrics],
    summary: Output[Markdown],
) -> None:
    """Select the best candidates.

    Args:
        request: The search as it is asked for.
        deadline: Unix seconds at which everything is to be done; 0 where there is no such time.
        data: Folder of the prepared data.
        space: File of the search space.
        receipts: What the shards of the last round have left.
        selection: File with the ids of the trials selected, best first.
        history: Every trial with its result, a line each.
        leaderboard: The best trials as a table.
        metrics: The best trial's.
        summary: What the step has done, as a page.
    """
    import json
    from pathlib import Path

    from nasflow.delivery.report.leaderboard import leaderboard_page
    from nasflow.engine.concluding import failure_told
    from nasflow.engine.search import select as best_of
    from nasflow.engine.steps import opened, step
    from nasflow.engine.telling import trials_told

    with step("select", summary.path) as say:
        plan, records = opened(request, data.path, space.path, deadline)
        with failure_told(plan, records):
            found = records.history()
            best = best_of(plan, found)
        Path(history.path).write_text(found.to_jsonl())
        Path(selection.path).write_text(json.dumps([entry.trial.id for entry in best]))
        Path(leaderboard.path).write_text(leaderboard_page(plan.objectives, found))
        selection.metadata.update(trials=len(found), failed=len(found.failed), receipts=len(receipts))
        for name, value in (best[0].result.metrics if best[0].result else {}).items():
            metrics.log_metric(name, value)
        say(f"{trials_told(plan.objectives, found)} Chosen for full training: {len(best)}.")
