"""Compiling the refresh pipeline to a file for a cluster."""

from __future__ import annotations

from pathlib import Path

from nasflow.components.image import IMAGE
from nasflow.config import SearchConfig
from nasflow.delivery.refresh.looking import refreshing
from nasflow.pipelines.refresh.pipeline import refresh_pipeline
from nasflow.pipelines.search.compiling import compile_search

PENDING = "0" * 16
"""Stands in the request for the id of the refresh, which the pipeline's second step finds: so that it has room."""


def compile_refresh(
    config: SearchConfig, base: Path, target: Path, device_kind: str | None = None, *, image: str = IMAGE
) -> list[str]:
    """Write the pipeline of a refresh as KFP's intermediate representation: the same bytes for the same configuration.

    Args:
        config: The search, as the user wrote it.
        base: Folder that relative data paths start at.
        target: A `.yaml` file, replaced where it exists.
        device_kind: Kind of device that the pods train on, as in `cpu-AVX2`; by default this machine's.
        image: Name of the image of the pods.

    Returns:
        Sentences on what could not be looked at from here.

    Raises:
        UserError: As `compile_search`; or the registry, which a refresh is about, is switched off.
    """
    asked = refreshing(config)
    return compile_search(asked, base, target, device_kind, image=image, build=refresh_pipeline, refresh=PENDING)
