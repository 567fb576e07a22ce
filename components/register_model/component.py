"""Register the winner, complete its MLflow runs, and say which alias it got."""

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Markdown, Model, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def register_model(
    request: str,
    data: Input[Dataset],
    space: Input[Artifact],
    outcome: Input[Artifact],
    model: Input[Model],
    page: Input[HTML],
    registration: Output[Artifact],
    summary: Output[Markdown],
) -> None:
    """Register the winner.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.
        space: File of the search space.
        outcome: File with the winner.
        model: The ONNX file.
        page: The report.
        registration: File with the model's name, version and alias.
        summary: What the step has done, as a page.
    """
    import json
    from pathlib import Path

    from nasflow.delivery.delivering import finish
    from nasflow.delivery.outcome import read_outcome
    from nasflow.engine.steps import opened, step

    with step("register_model", summary.path) as say:
        plan, records = opened(request, data.path, space.path)
        delivered = finish(plan, records, read_outcome(outcome.path), Path(model.path), Path(page.path))
        known = delivered.registration.to_json() if delivered.registration else {}
        Path(registration.path).write_text(json.dumps(known))
        registration.metadata.update({name: known[name] for name in ("name", "version", "alias") if known})
        for sentence in delivered.sentences:
            say(sentence)
