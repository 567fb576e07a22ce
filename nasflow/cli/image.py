"""`nasflow image`: the project's image with packages of one's own."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from nasflow.cli.console import say


def image(
    *,
    packages: Annotated[
        list[str],
        typer.Option(
            "--with",
            metavar="PACKAGE",
            help="A wheel, a folder with pyproject.toml, or a name of the package index; may be given more than once.",
            show_default=False,
        ),
    ],
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="IMAGE",
            help="The image to begin with; by default that of NASFLOW_IMAGE, or what 'make image' builds.",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        str, typer.Option("--tag", "-t", metavar="NAME", help="Name of the new image.")
    ] = "nasflow-python-own:latest",
    network: Annotated[
        str | None,
        typer.Option(
            "--network", metavar="NAME", help="Network of the build, as 'docker build' takes it.", show_default=False
        ),
    ] = None,
) -> None:
    """Build an image that has your families, tasks, sources and other parts.

    What is installed already keeps its versions. pip's settings are those of the environment: PIP_INDEX_URL,
    PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, PIP_CERT and the like; none of them stays in the image.
    """
    from nasflow.pipelines.docker.building import build
    from nasflow.pipelines.search.images import chosen_image

    chosen = chosen_image(base, allow_tag=True)
    say(f"Building {tag} from {chosen} ...")
    built = build(packages, chosen, chosen_image(tag, allow_tag=True), network=network, variables=os.environ)
    say(f"Built {built.image}")
    for group, names in built.added.items():
        say(f"  {group.removeprefix('nasflow.')}: {', '.join(names)}")
    if not built.added:
        say("  Note: the packages register no entry point of nasflow, so no YAML can name anything of theirs.")
    say(f"Try it: nasflow run SEARCH.yaml --runner docker --image {built.image}")
    say("On a cluster: push it to a registry, and name it by its digest to 'nasflow submit --image'.")
