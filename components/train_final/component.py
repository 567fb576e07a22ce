"""Train the best candidates and the reference in full, and look at the test samples once."""

from kfp import dsl
from kfp.dsl import Artifact, ClassificationMetrics, Dataset, Input, Markdown, Metrics, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_final(
    request: str,
    deadline: float,
    data: Input[Dataset],
    space: Input[Artifact],
    selection: Input[Artifact],
    outcome: Output[Artifact],
    metrics: Output[Metrics],
    confusion: Output[ClassificationMetrics],
    summary: Output[Markdown],
) -> None:
    """Train the best candidates in full.

    Args:
        request: The search as it is asked for.
        deadline: Unix seconds at which everything is to be done; 0 where there is no such time.
        data: Folder of the prepared data.
        space: File of the search space.
        selection: File with the ids of the trials selected.
        outcome: File with the winner, the reference and their comparison.
        metrics: The winner's, on validation and test.
        confusion: The winner's confusion matrix on the test samples.
        summary: What the step has done, as a page.
    """
    import json
    from pathlib import Path

    from nasflow.delivery.final import confusion_matrix
    from nasflow.delivery.final import train_final as run
    from nasflow.engine.concluding import failure_told
    from nasflow.engine.steps import opened, read_selection, step
    from nasflow.engine.trialling import open_tracker

    with step("train_final", summary.path) as say:
        plan, records = opened(request, data.path, space.path, deadline)
        with failure_told(plan, records):
            selected = read_selection(selection.path)
            with open_tracker(plan, records) as tracker:
                found = run(plan, records, selected, tracker)
            Path(outcome.path).write_text(json.dumps(found.to_json()))
            for name, value in {**found.winner.result.metrics, **found.winner.test_metrics}.items():
                metrics.log_metric(name, value)
            confusion.log_confusion_matrix(list(plan.bundle.classes), confusion_matrix(plan, records, found).tolist())
            say(f"The winner is {found.winner.trial.architecture.id}. {found.verdict}")
