"""`nasflow promote`: a version made the champion by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasflow.cli.arguments import StoreUrl
from nasflow.cli.console import say


def promote(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Name of the registered model, or the YAML file of its search.", show_default=False
        ),
    ],
    version: Annotated[
        int, typer.Option("--version", metavar="N", min=1, help="Which version becomes champion.", show_default=False)
    ],
    store: StoreUrl = None,
) -> None:
    """Make a version of a registered model its champion, as to go back to an earlier one.

    The champion before keeps the alias 'previous'. The MLflow is that of the YAML file or of MLFLOW_TRACKING_URI, else
    the one in the store.
    """
    from nasflow.config.loading import load_config
    from nasflow.delivery.promoting import promote as promoted
    from nasflow.engine.request import anchored
    from nasflow.errors import UserError
    from nasflow.storage import open_store
    from nasflow.tracking.target import target_of

    name, uri, url = model, None, store or "nasflow-store"
    if model.endswith((".yaml", ".yml")):
        config = anchored(load_config(Path(model)))
        name, uri, url = config.model_name, config.tracking.uri, store or config.storage.url
    opened = open_store(url)
    target = target_of(uri, opened)
    if target.database and not target.database.exists():
        raise UserError(
            f"there is no MLflow database '{target.database}'; name the store with --store, or set MLFLOW_TRACKING_URI."
        )
    folder = "://" in url or Path(url).is_dir()
    say(promoted(target, name, version, opened if folder else None).sentence())
