"""What containers see of this machine, and what not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.request import Request
from nasflow.errors import UserError
from nasflow.pipelines.docker.mounts import Mount, mounts_of

Requests = Callable[..., Request]


def mounts(request: Request, **variables: str) -> dict[str, bool]:
    return {mount.path: mount.writable for mount in mounts_of(request, request.store(), variables)}


def test_store_and_cache_are_written_at_the_paths_that_they_have(request_of: Requests, site: Any) -> None:
    assert mounts(request_of()) == {str(site.store_folder): True, str(site.root / "cache"): True}
    assert (site.root / "cache").is_dir()


def test_data_are_read_where_they_are(request_of: Requests, site: Any) -> None:
    (site.root / "photos").mkdir()
    found = mounts(request_of(data="photos"))
    assert found[str(site.root / "photos")] is False
    assert str(site.root) not in found


def test_an_mlflow_in_a_file_elsewhere_is_written(request_of: Requests, site: Any, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    assert mounts(request_of(tracking={"uri": f"sqlite:///{place}/mlflow.db"}))[str(place)] is True
    assert str(place) not in mounts(request_of(tracking={"uri": "http://127.0.0.1:5000"}))


def test_a_folder_of_downloads_is_written(request_of: Requests, site: Any) -> None:
    (site.root / "downloads").mkdir()
    found = mounts(request_of(data={"source": "torchvision:MNIST", "options": {"root": "downloads", "download": True}}))
    assert found[str(site.root / "downloads")] is True


def test_files_that_the_environment_names_are_read(request_of: Requests, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("x")
    found = mounts(request_of(), AWS_CA_BUNDLE=str(authority), AWS_REGION="x", SSL_CERT_FILE=str(tmp_path / "absent"))
    assert found[str(authority)] is False
    assert str(tmp_path / "absent") not in found


def test_keys_that_look_like_paths_are_none(request_of: Requests) -> None:
    keys = {"AWS_SESSION_TOKEN": "/" + 5000 * "x", "AWS_SECRET_ACCESS_KEY": "/x", "TORCH_HOME": "/tmp"}
    assert mounts(request_of(), **keys) == mounts(request_of())


def test_the_authority_of_a_store_in_a_bucket_is_read(request_of: Requests, site: Any, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("x")
    request = request_of(storage={"url": f"s3://bucket/x?endpoint=https://127.0.0.1:9&ca={authority}"})
    found = mounts(request)
    assert found[str(authority)] is False
    assert found[str(site.root / "cache")] is True
    assert str(site.store_folder) not in found


def test_what_lies_in_another_mount_is_none_of_its_own(request_of: Requests, site: Any) -> None:
    (site.store_folder / "photos").mkdir(parents=True)
    assert str(site.store_folder / "photos") not in mounts(request_of(data=str(site.store_folder / "photos")))
    request = request_of(data=str(site.root))  # read, with what is written below it
    assert mounts_of(request, request.store(), {}) == (
        Mount(str(site.root), writable=False),
        Mount(str(site.root / "cache"), writable=True),
        Mount(str(site.store_folder), writable=True),
    )


@pytest.mark.parametrize("path", ["/", "/tmp", "/etc"])
def test_a_folder_that_every_container_has_is_refused(request_of: Requests, path: str) -> None:
    with pytest.raises(UserError, match=f"'{path}' cannot be shown to a container"):
        mounts(request_of(data=path))
