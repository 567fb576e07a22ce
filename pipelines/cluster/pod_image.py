"""The image of a submission's pods: its tag made a digest, and what is in it held against the search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nasflow.components.image import NAMED
from nasflow.config import SearchConfig
from nasflow.pipelines.cluster.covering import check_covered
from nasflow.pipelines.cluster.reference import Reference
from nasflow.pipelines.cluster.registry import Registry
from nasflow.pipelines.search.images import chosen_image


@dataclass(frozen=True)
class ImageChoice:
    """What is asked for.

    Attributes:
        named: Name of the image; None for that of `NASFLOW_IMAGE`.
        allow_tag: Whether a tag stays one, instead of being made the digest that it stands for.
        check: Whether the registry is asked at all.
        plain_http: Whether the registry speaks HTTP without TLS.
        registry_ca: Authority of its certificate.
    """

    named: str | None = None
    allow_tag: bool = False
    check: bool = True
    plain_http: bool = False
    registry_ca: Path | None = None


def image_of_pods(config: SearchConfig, choice: ImageChoice) -> tuple[str, list[str]]:
    """Return the image to compile with, and notes on it.

    Args:
        config: The search that it has to run.
        choice: Which one.

    Raises:
        UserError: It is no image's name, there is no such image, or it lacks what the search uses.
        ClusterError: Its registry cannot be asked.
    """
    nobody_named_it = choice.named is None and not NAMED
    image = chosen_image(choice.named, allow_tag=choice.allow_tag or (choice.check and not nobody_named_it))
    if not choice.check:
        return image, []
    reference = Reference.parse(image)
    registry = Registry(reference.host, plain=choice.plain_http, ca_file=choice.registry_ca)
    digest = reference.digest or registry.digest(reference)
    notes = check_covered(config, image, registry.labels(reference, digest))
    if reference.digest or choice.allow_tag:
        return image, notes
    return reference.at(digest), [f"{image} is {digest} now, which is what the pods run.", *notes]
