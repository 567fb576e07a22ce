"""Generate the search space from the family, the data's shape and the user's restrictions."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Markdown, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def generate_space(request: str, data: Input[Dataset], space: Output[Artifact], summary: Output[Markdown]) -> int:
    """Generate the search space, and refuse a search that cannot suit its data before anything is trained.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.
        space: File of the search space.
        summary: What the step has done, as a page.

    Returns:
        Number of assignments, or -1 where it does not fit into 63 bits.
    """
    import json
    from pathlib import Path

    from nasflow.data.bundle import DataBundle
    from nasflow.engine.door import fitting
    from nasflow.engine.measurements import check_measurable
    from nasflow.engine.request import Request
    from nasflow.engine.steps import step

    with step("generate_space", summary.path) as say:
        config = Request.from_json(request).config
        made, objectives = fitting(config, DataBundle.open(Path(data.path), verify=False))
        check_measurable(objectives)
        Path(space.path).write_text(json.dumps(made.to_json()))
        space.metadata.update(family=made.family, assignments=str(made.size), id=made.id)
        say(f"Family {made.family}: {made.size:,} networks, as far as its choices tell.")
        return made.size if made.size < 2**63 else -1
