"""`nasflow compile`: the pipeline as a file for a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasflow.cli.arguments import AllowTag, Config, DeviceKind, Image, PodStore, Refresh
from nasflow.cli.console import remark, say
from nasflow.errors import UserError


def compile_pipeline(
    config: Config,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="File to write; by default NAME-pipeline.yaml.", show_default=False
        ),
    ] = None,
    *,
    image: Image = None,
    allow_tag: AllowTag = False,
    store: PodStore = None,
    device_kind: DeviceKind = None,
    refresh: Refresh = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Compile a search, or its refresh, into a pipeline file for Kubeflow Pipelines."""
    from nasflow.cli import wiring
    from nasflow.config import load_config
    from nasflow.pipelines.search.images import chosen_image

    kind = "refresh" if refresh else "pipeline"
    target = out if out is not None else Path(f"{load_config(config).name}-{kind}.yaml")
    if target.suffix not in (".yaml", ".yml"):
        raise UserError(f"--out must name a .yaml file, not '{target}'; try '{target.with_suffix('.yaml')}'.")
    if target.exists() and not force:
        raise UserError(f"{target} exists already; name another file with --out, or replace it with --force.")
    chosen = chosen_image(image, allow_tag=allow_tag)
    notes = wiring.compile_pipeline(config, target, chosen, device_kind, store=store, refresh=refresh)
    say(f"Wrote {target}. Upload it to Kubeflow Pipelines, in its UI or with 'kfp pipeline create -p NAME {target}'.")
    for note in notes:
        remark(note)
