"""Look whether the data have changed since the champion was trained, and measure it on the new ones."""

from kfp import dsl
from kfp.dsl import Dataset, Input, Markdown, Output, OutputPath

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def detect_change(
    request: str,
    data: Input[Dataset],
    findings: Output[Markdown],
    refreshed: OutputPath(str),  # type: ignore[valid-type]
) -> str:
    """Look whether the data have changed since the champion was trained.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.
        findings: What was found, in plain words.
        refreshed: File with the request of the search that is to be done if they have.

    Returns:
        `yes` or `no`. It is returned, and the request is not, since kfp.local finds the value of a condition in no
        other output of a task.
    """
    from dataclasses import replace
    from pathlib import Path

    from nasflow.data.bundle import DataBundle
    from nasflow.delivery.refresh.looking import look
    from nasflow.engine.request import Request
    from nasflow.engine.steps import step

    with step("detect_change") as say:
        asked = Request.from_json(request)
        found = look(asked.config, DataBundle.open(Path(data.path), verify=False), asked.store())
        Path(findings.path).write_text(f"{found.said}\n")
        findings.metadata.update(changed=found.changed, refresh=found.refresh)
        Path(refreshed).write_text(replace(asked, refresh=found.refresh).to_json())
        say(found.said)
        return "yes" if found.changed else "no"
