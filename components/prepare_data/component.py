"""Prepare the data: decode, store at one size, split, describe."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import Dataset, Markdown, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare_data(request: str, deadline: float, data: Output[Dataset], summary: Output[Markdown]) -> NamedTuple(  # type: ignore[valid-type]
    "Prepared", [("fingerprint", str), ("deadline", float)]
):
    """Prepare the data.

    Args:
        request: The search as it is asked for.
        deadline: Unix seconds at which everything is to be done; 0 where the hours of the budget begin now, if any.
        data: Folder of the prepared data.
        summary: What the step has done, as a page.

    Returns:
        The fingerprint of the prepared data; and the deadline, 0 where there is none.
    """
    import time
    from pathlib import Path
    from typing import NamedTuple

    from nasflow.engine.preparing import copied, prepared
    from nasflow.engine.request import Request, deadline_of
    from nasflow.engine.steps import step

    class Prepared(NamedTuple):
        fingerprint: str
        deadline: float

    with step("prepare_data", summary.path) as say:
        search = Request.from_json(request)
        due = deadline or deadline_of(search.config, time.time()) or 0.0
        bundle = copied(prepared(search.config.data, search.base, search.store()), Path(data.path))
        data.metadata.update(samples=sum(bundle.counts.values()), fingerprint=bundle.fingerprint)
        counts = ", ".join(f"{count:,} for {split}" for split, count in bundle.counts.items())
        say(f"Samples: {counts}, in {len(bundle.classes)} classes.")
        return Prepared(bundle.fingerprint, due)
