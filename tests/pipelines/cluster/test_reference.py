"""Names of images taken apart."""

from __future__ import annotations

import pytest

from nasflow.pipelines.cluster.reference import Reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("nasflow", ("nasflow", "docker.io", "library/nasflow", "latest", "")),
        ("team/nasflow:1.0", ("team/nasflow", "docker.io", "team/nasflow", "1.0", "")),
        ("localhost/nasflow:1", ("localhost/nasflow", "localhost", "nasflow", "1", "")),
        ("localhost:5000/nasflow", ("localhost:5000/nasflow", "localhost:5000", "nasflow", "latest", "")),
        ("r.example.org/a/b:v1", ("r.example.org/a/b", "r.example.org", "a/b", "v1", "")),
        (f"r.example.org:443/a@{DIGEST}", ("r.example.org:443/a", "r.example.org:443", "a", "latest", DIGEST)),
        (f"r.example.org/a:2@{DIGEST}", ("r.example.org/a", "r.example.org", "a", "2", DIGEST)),
        ("host/nasflow", ("host/nasflow", "docker.io", "host/nasflow", "latest", "")),
    ],
)
def test_a_name_is_taken_apart_as_docker_does(image: str, parts: tuple[str, str, str, str, str]) -> None:
    assert Reference.parse(image) == Reference(*parts)


@pytest.mark.parametrize("image", ["nasflow", "r:5000/nasflow:1", f"r.example.org/a/nasflow:1@{DIGEST}"])
def test_a_digest_replaces_the_tag(image: str) -> None:
    reference = Reference.parse(image)
    assert reference.at(DIGEST) == f"{reference.name}@{DIGEST}"
    assert Reference.parse(reference.at(DIGEST)).repository == reference.repository
