"""Write down what a refresh came to."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Markdown, Metrics, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def conclude_refresh(
    request: str,
    data: Input[Dataset],
    space: Input[Artifact],
    registration: Input[Artifact],
    page: Output[Markdown],
    metrics: Output[Metrics],
) -> None:
    """Write down what a refresh came to.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.
        space: File of the search space.
        registration: File with the model's name, version and alias.
        page: What was found and decided.
        metrics: Its figures.
    """
    import json
    from pathlib import Path

    from nasflow.delivery.outcome import Registration
    from nasflow.delivery.refresh.concluding import conclude, figures
    from nasflow.engine.steps import opened, step

    with step("conclude_refresh") as say:
        plan, records = opened(request, data.path, space.path)
        known = json.loads(Path(registration.path).read_text())
        found = conclude(plan, records, Registration.from_json(known) if known else None)
        Path(page.path).write_bytes(records.store.get(found.page) or b"")
        page.metadata.update(decision=found.decision, refresh=found.refresh)
        say(found.registration.why)
        for name, value in figures(found.start, found.registration).items():
            metrics.log_metric(name, value)
