"""Export the winner to ONNX and check that it answers as PyTorch does."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Markdown, Model, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def export_model(
    request: str,
    data: Input[Dataset],
    space: Input[Artifact],
    outcome: Input[Artifact],
    model: Output[Model],
    summary: Output[Markdown],
) -> None:
    """Export the winner.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.
        space: File of the search space.
        outcome: File with the winner.
        model: The ONNX file.
        summary: What the step has done, as a page.
    """
    from pathlib import Path

    from nasflow.delivery.exporting import export_winner
    from nasflow.delivery.outcome import read_outcome
    from nasflow.engine.steps import opened, step

    with step("export_model", summary.path) as say:
        plan, _ = opened(request, data.path, space.path)
        difference = export_winner(plan, read_outcome(outcome.path), Path(model.path))
        model.metadata.update(format="onnx", largest_difference=difference)
        say(f"The ONNX file has {Path(model.path).stat().st_size:,} bytes, and answers as PyTorch does.")
