"""Look whether the data have changed since the champion was trained, and measure it on the new ones."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import Dataset, Input, Markdown, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def detect_change(request: str, data: Input[Dataset], findings: Output[Markdown]) -> NamedTuple(  # type: ignore[valid-type]
    "Detected", [("changed", str), ("request", str)]
):
    """Look whether the data have changed since the champion was trained.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.
        findings: What was found, in plain words.

    Returns:
        `yes` or `no`; and the request of the search that is to be done then.
    """
    from dataclasses import replace
    from pathlib import Path
    from typing import NamedTuple

    from nasflow.data.bundle import DataBundle
    from nasflow.delivery.refresh.looking import look
    from nasflow.engine.request import Request
    from nasflow.engine.steps import step

    class Detected(NamedTuple):
        changed: str
        request: str

    with step():
        asked = Request.from_json(request)
        found = look(asked.config, DataBundle.open(Path(data.path), verify=False), asked.store())
        Path(findings.path).write_text(f"{found.said}\n")
        findings.metadata.update(changed=found.changed, refresh=found.refresh)
        return Detected("yes" if found.changed else "no", replace(asked, refresh=found.refresh).to_json())
