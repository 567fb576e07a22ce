"""Which part of `resources` each step's pod has."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.config import SearchConfig, config_from
from nasflow.config.joining import file_users, pod_of
from nasflow.config.pods import PodConfig
from nasflow.config.steps import CACHING, STEPS, STORING, TRACKING, TRAINING, Step

S3 = {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}
MLFLOW = {"MLFLOW_TRACKING_PASSWORD": "password"}


def config(storage: str = "s3://bucket", **resources: Any) -> SearchConfig:
    return config_from({"name": "pods", "data": "sklearn:digits", "storage": {"url": storage}, "resources": resources})


def steps_with(given: SearchConfig, field: str) -> set[Step]:
    return {step for step in STEPS if getattr(pod_of(given, step), field)}


def test_where_nothing_is_said_a_pod_has_nothing() -> None:
    for step in STEPS:
        assert pod_of(config(), step) == PodConfig()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cpu", 4),
        ("memory_gib", 16),
        ("accelerator", {"count": 1}),
        ("node_selector", {"pool": "gpu"}),
        ("tolerations", [{"key": "gpu"}]),
        ("spot", "gke"),
        ("shared_memory_gib", 2),
    ],
)
def test_what_training_needs_goes_to_the_steps_that_train(field: str, value: Any) -> None:
    assert steps_with(config(**{field: value}), field) == TRAINING


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_pull_secrets", ["registry"]),
        ("config_maps", {"nasflow": {"A": "a"}}),
        ("env", {"A": "b"}),
        ("labels", {"a": "b"}),
        ("annotations", {"a": "b"}),
    ],
)
def test_what_is_for_every_pod_goes_to_every_pod(field: str, value: Any) -> None:
    assert steps_with(config(**{field: value}), field) == set(STEPS)


def test_every_field_is_of_one_of_the_kinds_above() -> None:
    tested = {"cpu", "memory_gib", "accelerator", "node_selector", "tolerations", "spot", "shared_memory_gib"}
    tested |= {"image_pull_secrets", "config_maps", "env", "labels", "annotations"}
    assert set(PodConfig.model_fields) - tested == {"secrets", "secret_files", "cache"}


def test_a_secret_goes_to_the_steps_that_use_its_variables() -> None:
    given = config(secrets={"nasflow-s3": S3, "nasflow-mlflow": MLFLOW})
    for step in STEPS:
        found = pod_of(given, step).secrets
        assert ("nasflow-s3" in found) is (step in STORING)
        assert ("nasflow-mlflow" in found) is (step in TRACKING)


def test_of_one_secret_for_all_a_step_gets_only_what_it_uses() -> None:
    given = config(secrets={"all": S3 | MLFLOW | {"MLFLOW_TRACKING_URI": "uri"}})
    assert pod_of(given, "export_model").secrets == {"all": S3}
    assert pod_of(given, "report").secrets == {"all": S3 | {"MLFLOW_TRACKING_URI": "uri"}}
    assert pod_of(given, "generate_space").secrets == {}
    assert set(pod_of(given, "select").secrets["all"]) == set(S3 | MLFLOW) | {"MLFLOW_TRACKING_URI"}


@pytest.mark.parametrize(
    ("env", "storage", "users"),
    [
        ({"NASFLOW_S3_CREDENTIALS": "/s"}, "s3://b", STORING),
        ({"AWS_CA_BUNDLE": "/s/ca.crt"}, "s3://b", STORING),
        ({"MLFLOW_TRACKING_SERVER_CERT_PATH": "/s/ca.crt"}, "s3://b", TRACKING),
        ({"AWS_CA_BUNDLE": "/s/a", "MLFLOW_TRACKING_CLIENT_CERT_PATH": "/s/b"}, "s3://b", STORING | TRACKING),
        ({}, "s3://b/p?endpoint=https://minio:9000&ca=/s/ca.crt", STORING),
        ({"AWS_CA_BUNDLE": "/secrets/ca.crt"}, "s3://b", None),  # begins alike, and is elsewhere
        ({"MY_FILE": "/s/x"}, "s3://b", None),
        ({}, "/s/store", None),
    ],
)
def test_a_mounted_secret_goes_to_the_steps_that_are_pointed_to_it(
    env: dict[str, str], storage: str, users: frozenset[str] | None
) -> None:
    given = config(storage, env=env)
    assert file_users(given, "/s") == users
    mounted = given.model_copy(update={"resources": given.resources.model_copy(update={"secret_files": {"x": "/s"}})})
    assert steps_with(mounted, "secret_files") == (users or set())


def test_the_cache_goes_to_the_step_that_fetches() -> None:
    assert steps_with(config(cache="claim"), "cache") == CACHING == {"prepare_data"}
    assert steps_with(config(cache="claim", steps={"report": {"cache": "own"}}), "cache") == {"prepare_data", "report"}


def test_what_is_said_of_a_step_is_joined_to_what_is_said_in_general() -> None:
    given = config(
        cpu=4,
        memory_gib=16,
        accelerator={"count": 2},
        spot="gke",
        node_selector={"pool": "gpu", "zone": "a"},
        tolerations=[{"key": "gpu"}],
        env={"A": "1", "B": "2"},
        secrets={"nasflow-s3": S3},
        steps={
            "train_final": {
                "memory_gib": 64,
                "spot": "never",
                "node_selector": {"zone": "b"},
                "tolerations": [{"key": "gpu"}, {"key": "large"}],
                "env": {"B": "3"},
                "secrets": {"nasflow-s3": {"MORE": "more"}, "hub": {"HF_TOKEN": "token"}},
            }
        },
    )
    final, others = pod_of(given, "train_final"), pod_of(given, "train_candidates")
    assert (final.cpu, final.memory_gib, final.spot) == (4, 64, "never")
    assert final.accelerator == others.accelerator
    assert final.node_selector == {"pool": "gpu", "zone": "b"}
    assert [toleration.key for toleration in final.tolerations] == ["gpu", "large"]
    assert final.env == {"A": "1", "B": "3"}
    assert final.secrets == {"nasflow-s3": S3 | {"MORE": "more"}, "hub": {"HF_TOKEN": "token"}}
    assert (others.memory_gib, others.spot, others.secrets) == (16, "gke", {"nasflow-s3": S3})


def test_a_step_that_needs_no_accelerator_has_one_where_it_is_named() -> None:
    given = config(accelerator={"count": 1}, steps={"export_model": {"accelerator": {"count": 1}}})
    assert steps_with(given, "accelerator") == TRAINING | {"export_model"}
    assert pod_of(given, "export_model").node_selector == {}
