"""The name of an image, taken apart as registries and container runtimes do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

HUB = "docker.io"
"""Registry of images whose name begins with no host."""


@dataclass(frozen=True)
class Reference:
    """An image by its name.

    Attributes:
        name: As it was written, without tag and digest.
        host: Registry, with its port if one is named.
        repository: Name of the image there.
        tag: Its tag; `latest` where none is written.
        digest: Its digest, or empty.
    """

    name: str
    host: str
    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, image: str) -> Self:
        """Take a name apart; it has the form that `chosen_image` lets through."""
        tagged, _, digest = image.partition("@")
        head, colon, tag = tagged.rpartition(":")
        name = head if colon and "/" not in tag else tagged
        first, slash, rest = name.partition("/")
        if slash and (first == "localhost" or "." in first or ":" in first):
            host, repository = first, rest
        else:
            host, repository = HUB, name if slash else f"library/{name}"
        return cls(name, host, repository, tag if name != tagged else "latest", digest)

    def at(self, digest: str) -> str:
        """Return the image's name with a digest, which means this one for ever."""
        return f"{self.name}@{digest}"
