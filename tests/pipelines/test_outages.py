"""Searches whose store is a bucket of a real MinIO server that goes away while they run."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.kept import find_search
from nasflow.storage import open_store
from nasflow.testing.servers import MinioServer


def search(site: Any, url: str) -> Path:
    """Write a search whose store is a bucket and whose MLflow is a file here."""
    site.ready()
    path: Path = site.yaml(storage={"url": url}, tracking={"uri": site.uri})
    return path


def history(url: str) -> Any:
    return find_search(open_store(url), "small").records.history().timeless()


def await_results(url: str, count: int, process: Any) -> None:
    store = open_store(url)
    while len(list(store.keys("results/"))) < count and process.poll() is None:
        time.sleep(0.2)


def gone_for(server: MinioServer, seconds: float) -> None:
    server.kill()
    time.sleep(seconds)
    server.start()


def test_an_outage_changes_nothing(site: Any, in_process: Any, own_minio: MinioServer) -> None:
    url = own_minio.url("bucket", "searches")
    running = site.popen("run", search(site, url))
    await_results(url, 2, running)
    assert running.poll() is None
    gone_for(own_minio, 5)
    output, _ = running.communicate(timeout=250)
    assert running.returncode == 0, output
    assert history(url) == in_process.outcome.history.timeless()
    assert site.kinds() == {"search": 1, "trial": 5, "final": 2, "reference": 1}


def test_gone_for_good_is_one_sentence_and_the_same_command_goes_on(
    site: Any, in_process: Any, own_minio: MinioServer
) -> None:
    url = own_minio.url("bucket", "searches", patience="3")
    path = search(site, url)
    running = site.popen("run", path)
    await_results(url, 1, running)
    own_minio.kill()
    gone = time.monotonic()
    output, _ = running.communicate(timeout=120)
    assert time.monotonic() - gone < 60
    assert running.returncode == 1
    said = " ".join(output.split())
    assert (
        f"nasflow: the S3 server {own_minio.endpoint} could not be used for 3 seconds (nothing answers there)" in said
    )
    assert "Traceback" not in output
    assert own_minio.environment["AWS_SECRET_ACCESS_KEY"] not in output
    own_minio.start()
    code, output = site.command("run", path)
    assert code == 0, output
    assert history(url) == in_process.outcome.history.timeless()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_five_outages_of_half_a_minute(site: Any, in_process: Any, own_minio: MinioServer) -> None:
    url = own_minio.url("bucket", "searches")
    moments = random.Random(5)
    running = site.popen("run", search(site, url))
    outages = 0
    while outages < 5 and running.poll() is None:
        time.sleep(moments.uniform(0, 6))
        if running.poll() is None:
            gone_for(own_minio, 30)
            outages += 1
    output, _ = running.communicate(timeout=600)
    assert running.returncode == 0, output
    assert outages == 5
    assert history(url) == in_process.outcome.history.timeless()
