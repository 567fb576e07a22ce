"""Write the report of a search."""

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Markdown, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def report(
    request: str,
    data: Input[Dataset],
    space: Input[Artifact],
    outcome: Input[Artifact],
    page: Output[HTML],
    summary: Output[Markdown],
) -> None:
    """Write the report.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.
        space: File of the search space.
        outcome: File with the winner, the reference and their comparison.
        page: The report, one self-contained HTML file.
        summary: What the step has done, as a page.
    """
    from pathlib import Path

    from nasflow.delivery.outcome import read_outcome
    from nasflow.delivery.reporting import write_report
    from nasflow.engine.steps import opened, step

    with step("report", summary.path) as say:
        plan, records = opened(request, data.path, space.path)
        write_report(plan, records, read_outcome(outcome.path), Path(page.path))
        say("The report is written; it is kept with the model when that is registered.")
