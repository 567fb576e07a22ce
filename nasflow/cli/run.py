"""`nasflow run`: a whole search, from the data to the registered model."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from nasflow.cli.arguments import Config
from nasflow.cli.console import console, display
from nasflow.errors import UserError


class Runner(StrEnum):
    """What the steps of a search run in on this machine."""

    SUBPROCESS = "subprocess"
    DOCKER = "docker"


def run(
    config: Config,
    *,
    new: Annotated[
        bool, typer.Option("--new", help="Start anew, even where this search has run; what it found stays.")
    ] = False,
    runner: Annotated[
        Runner, typer.Option("--runner", help="What the steps run in: processes of this one's Python, or containers.")
    ] = Runner.SUBPROCESS,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            metavar="IMAGE",
            help="Image of the containers; by default that of NASFLOW_IMAGE, or what 'make image' builds.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a search, from the data to the registered model.

    Running the same file again goes on where it stopped; a finished search prints its result. Raise budget.trials to
    search further.
    """
    from nasflow.cli import wiring
    from nasflow.cli.progress import Progress
    from nasflow.cli.tables import summary

    chosen = _chosen(runner, image)
    with Progress(console()) as progress:
        view = wiring.run_search(config, anew=new, image=chosen, on_progress=progress.update)
    display(summary(view))


def _chosen(runner: Runner, image: str | None) -> str | None:
    """Return the image of the containers, or None where there are to be none.

    Raises:
        UserError: An image is named, and no container is to be made of it; or it is no name of an image.
    """
    if runner is Runner.DOCKER:
        from nasflow.pipelines.search.images import chosen_image

        return chosen_image(image, allow_tag=True)
    if image is not None:
        raise UserError(f"--image {image} is for containers: add --runner docker, or leave it out.")
    return None
