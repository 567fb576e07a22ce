"""The image of a submission: a tag becomes a digest, and what is in it is looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nasflow.config import SearchConfig
from nasflow.errors import ClusterError, UserError
from nasflow.pipelines.cluster.pod_image import ImageChoice, image_of_pods
from nasflow.pipelines.search.contents import PLUGINS, labels
from nasflow.testing.registries import RegistryServer

SEARCH = SearchConfig.model_validate({"name": "pets", "data": "sklearn:digits", "storage": {"url": "s3://bucket"}})
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as running:
        running.push("nasflow", "bare", {PLUGINS: "{}"})
        yield running


def test_a_tag_becomes_the_digest_that_it_is_now(registry: RegistryServer) -> None:
    digest = registry.push("nasflow", "1.0", labels())
    named = f"{registry.host}/nasflow:1.0"
    image, notes = image_of_pods(SEARCH, ImageChoice(named))
    assert image == f"{registry.host}/nasflow@{digest}"
    assert notes == [f"{named} is {digest} now, which is what the pods run."]
    assert image_of_pods(SEARCH, ImageChoice(image)) == (image, [])
    assert image_of_pods(SEARCH, ImageChoice(named, allow_tag=True)) == (named, [])


def test_an_image_that_lacks_what_the_search_uses_is_refused(registry: RegistryServer) -> None:
    for allow_tag in (False, True):
        with pytest.raises(UserError, match=r"nasflow:bare has no family 'cnn' and"):
            image_of_pods(SEARCH, ImageChoice(f"{registry.host}/nasflow:bare", allow_tag=allow_tag))


def test_a_registry_is_not_asked_where_that_is_not_wanted() -> None:
    away = "no-such-host.invalid/nasflow"
    assert image_of_pods(SEARCH, ImageChoice(f"{away}@{DIGEST}", check=False)) == (f"{away}@{DIGEST}", [])
    assert image_of_pods(SEARCH, ImageChoice(f"{away}:1", allow_tag=True, check=False)) == (f"{away}:1", [])
    with pytest.raises(UserError, match="is a tag, which may come to mean another"):
        image_of_pods(SEARCH, ImageChoice(f"{away}:1", check=False))
    with pytest.raises(ClusterError, match="nothing answers at the registry"):
        image_of_pods(SEARCH, ImageChoice(f"{away}@{DIGEST}"))


def test_an_image_has_to_be_named() -> None:
    program = (
        "from nasflow.config import SearchConfig\n"
        "from nasflow.errors import UserError\n"
        "from nasflow.pipelines.cluster.pod_image import ImageChoice, image_of_pods\n"
        "try:\n    image_of_pods(None, ImageChoice())\nexcept UserError as error:\n    print(error)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NASFLOW_IMAGE"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("no image is named: name the image of the pods by its digest")
