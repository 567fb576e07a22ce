"""Which names of images are compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nasflow.components.image import IMAGE
from nasflow.errors import UserError
from nasflow.pipelines.search.images import chosen_image

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "name",
    [
        "nasflow",
        "registry.example.com/team/nasflow",
        "localhost:5000/nasflow",
        "nasflow:1.0",
        "Registry.example.com:443/a/b_c/d-e.f__g:v1_2.3-4",
    ],
)
def test_a_digest_is_taken_as_it_is(name: str) -> None:
    assert chosen_image(f"{name}@{DIGEST}", allow_tag=False) == f"{name}@{DIGEST}"
    assert chosen_image(f"{name}@{DIGEST}", allow_tag=True) == f"{name}@{DIGEST}"


@pytest.mark.parametrize("name", ["nasflow", "nasflow:1.0", "localhost:5000/nasflow:latest"])
def test_a_tag_is_refused_unless_it_is_allowed(name: str) -> None:
    assert chosen_image(name, allow_tag=True) == name
    with pytest.raises(UserError) as told:
        chosen_image(name, allow_tag=False)
    assert str(told.value).startswith(f"'{name}' is a tag, which may come to mean another: name the image of the pods")
    assert "--image NAME@sha256:DIGEST" in str(told.value)
    assert str(told.value).endswith(f"or take '{name}' with --allow-tag.")


@pytest.mark.parametrize("name", ["", "a b", "a/UPPER", "nasflow:", "a//b", "http://a/b", "-a", "a:b:c", "a\n", "é"])
@pytest.mark.parametrize("end", ["", f"@{DIGEST}"])
def test_what_is_no_name_is_refused(name: str, end: str) -> None:
    with pytest.raises(UserError, match="is no name of an image; write it as in 'registry"):
        chosen_image(name + end, allow_tag=True)


@pytest.mark.parametrize("digest", ["", "sha256:0", f"{DIGEST}0", DIGEST.upper(), "md5:0", f"{DIGEST}@{DIGEST}"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(UserError, match="the digest of an image is 'sha256:' and 64 of 0-9 and a-f, not '"):
        chosen_image(f"nasflow@{digest}", allow_tag=True)


PROGRAM = """
from nasflow.errors import UserError
from nasflow.pipelines.search.images import chosen_image
try:
    print(chosen_image(None, allow_tag=False))
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        (f"mine@{DIGEST}", f"mine@{DIGEST}"),
        ("mine:1.0", "'mine:1.0' is a tag, which may come to mean another"),
        (None, "no image is named: name the image of the pods by its digest"),
        ("", "or take 'nasflow-python:latest' with --allow-tag."),
    ],
)
def test_the_environment_names_it_where_the_command_does_not(variable: str | None, words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NASFLOW_IMAGE"}
    if variable is not None:
        environment["NASFLOW_IMAGE"] = variable
    found = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert words in found.stdout


def test_the_usual_name_will_do_where_tags_are_allowed() -> None:
    assert chosen_image(None, allow_tag=True) == IMAGE
