"""What pods would not find, or get by chance."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.config.steps import STORING
from nasflow.errors import UserError
from nasflow.pipelines.search.reach import check_shared, left_to_chance, out_of_reach


def config(**sections: Any) -> SearchConfig:
    return SearchConfig.model_validate({"name": "reach", "data": "sklearn:digits"} | sections)


def test_what_no_pod_finds_is_told() -> None:
    store, tracking = out_of_reach(config())
    assert store.startswith("storage.url is 'nasflow-store', a folder, and no two pods share one")
    assert "--store 's3://bucket/prefix'" in store
    assert tracking.startswith("No MLflow server is named")
    (data,) = out_of_reach(config(data="npz:a.npz", storage={"url": "s3://b"}, tracking={"uri": "http://mlflow:5000"}))
    assert data.startswith("data.source is 'npz:a.npz', a path that pods find only where the image has it")


@pytest.mark.parametrize(
    "resources",
    [
        {"env": {"MLFLOW_TRACKING_URI": "http://mlflow:5000"}},
        {"config_maps": {"nasflow": {"MLFLOW_TRACKING_URI": "tracking"}}},
        {"secrets": {"nasflow-mlflow": {"MLFLOW_TRACKING_URI": "uri"}}},
        {"steps": {"train_candidates": {"env": {"MLFLOW_TRACKING_URI": "http://mlflow:5000"}}}},
    ],
)
def test_an_mlflow_that_the_pods_are_told_of_will_do(resources: dict[str, Any]) -> None:
    assert out_of_reach(config(storage={"url": "s3://b"}, resources=resources)) == []


def caches(*without: str, claim: str = "shared") -> dict[str, Any]:
    return {"steps": {step: {"cache": claim} for step in sorted(STORING) if step not in without}}


@pytest.mark.parametrize("url", ["nasflow-store", "/data/store", "file:///data/store", "/cached/store", "/cache/../x"])
def test_a_store_that_no_two_pods_share_is_refused(url: str) -> None:
    with pytest.raises(UserError, match=r"a folder, and no two pods share one: .*--store 's3://bucket/prefix'"):
        check_shared(config(storage={"url": url}, resources=caches()))


@pytest.mark.parametrize("url", ["/cache/store", "/cache", "file:///cache/store"])
def test_a_store_on_a_claim_that_every_step_mounts_is_shared(url: str) -> None:
    check_shared(config(storage={"url": url}, resources=caches()))
    assert len(out_of_reach(config(storage={"url": url}, resources=caches()))) == 1
    for resources in ({}, {"cache": "shared"}, caches("report"), caches("report") | {"cache": "shared"}):
        with pytest.raises(UserError, match="no two pods share one"):
            check_shared(config(storage={"url": url}, resources=resources))
    other = caches("report")
    other["steps"]["report"] = {"cache": "another"}
    with pytest.raises(UserError, match="no two pods share one"):
        check_shared(config(storage={"url": url}, resources=other))


def test_a_bucket_is_shared() -> None:
    check_shared(config(storage={"url": "s3://bucket/prefix"}))


def test_what_a_namespace_may_give_by_default_is_told() -> None:
    (both,) = left_to_chance(config())
    assert both.startswith(
        "resources.cpu and resources.memory_gib are not set for train_candidates and train_final: in a "
        "namespace with a LimitRange (nasflow's manifests have one) such pods get its default"
    )
    (memory,) = left_to_chance(config(resources={"cpu": 4}, budget={"trials": 8, "hours": 1}))
    assert memory.startswith("resources.memory_gib is not set for train_candidates and search_on and train_final: ")
    (final,) = left_to_chance(config(resources={"steps": {"train_candidates": {"cpu": 4, "memory_gib": 8}}}))
    assert final.startswith("resources.cpu and resources.memory_gib are not set for train_final: ")
    assert left_to_chance(config(resources={"cpu": 4, "memory_gib": 8})) == []
