"""Prepare the data: decode, store at one size, split, describe."""

from kfp import dsl
from kfp.dsl import Dataset, Output

from nasflow.components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare_data(request: str, data: Output[Dataset]) -> str:
    """Prepare the data.

    Args:
        request: The search as it is asked for.
        data: Folder of the prepared data.

    Returns:
        The fingerprint of the prepared data.
    """
    from pathlib import Path

    from nasflow.engine.preparing import copied, prepared
    from nasflow.engine.request import Request
    from nasflow.engine.steps import step

    with step():
        search = Request.from_json(request)
        bundle = copied(prepared(search.config.data, search.base, search.store()), Path(data.path))
        data.metadata.update(samples=sum(bundle.counts.values()), fingerprint=bundle.fingerprint)
        return bundle.fingerprint
