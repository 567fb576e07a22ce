"""The fields of a pod: what they take, what they refuse and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nasflow.config import SearchConfig, config_from
from nasflow.config.pods import PodConfig
from nasflow.config.schema import json_schema
from nasflow.errors import ConfigError

FULL: dict[str, Any] = {
    "cpu": 8,
    "memory_gib": 32.5,
    "accelerator": {"type": "nvidia.com/gpu", "count": 2},
    "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
    "tolerations": [{"key": "dedicated", "value": "gpu", "effect": "NoExecute", "seconds": 60}],
    "spot": "gke",
    "shared_memory_gib": 4,
    "cache": "nasflow-cache",
    "image_pull_secrets": ["registry"],
    "secrets": {"nasflow-s3": {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}},
    "secret_files": {"nasflow-ca": "/ca"},
    "config_maps": {"nasflow": {"MLFLOW_TRACKING_URI": "tracking"}},
    "env": {"AWS_CA_BUNDLE": "/ca/ca.crt"},
    "labels": {"team": "vision"},
    "annotations": {"example.com/why": "a search, at night"},
    "steps": {"train_final": {"memory_gib": 64, "spot": "never"}, "report": {"cpu": "250m"}},
}


def config(**resources: Any) -> SearchConfig:
    return config_from({"name": "pods", "data": "sklearn:digits", "resources": resources})


def refusal(**resources: Any) -> str:
    with pytest.raises(ConfigError) as told:
        config(**resources)
    (problem,) = told.value.problems
    assert problem.endswith((".", "?"))
    assert "\n" not in problem
    return problem


def test_everything_can_be_said_and_read_back() -> None:
    given = config(**FULL)
    assert set(FULL) == set(PodConfig.model_fields) | {"steps"}
    assert given.resources.steps["report"].cpu == 0.25
    assert SearchConfig.model_validate(json.loads(given.model_dump_json(exclude_defaults=True))) == given


def test_nothing_has_to_be_said() -> None:
    bare = config().resources
    assert bare.model_dump(exclude_defaults=True) == {}
    assert (bare.device, bare.memory_gib) == ("auto", None)


@pytest.mark.parametrize(
    ("written", "cores"), [(4, 4.0), (0.5, 0.5), ("500m", 0.5), ("1m", 0.001), ("1500m", 1.5), ("2", 2.0)]
)
def test_cores_are_numbers_or_thousandths(written: Any, cores: float) -> None:
    assert config(cpu=written).resources.cpu == cores


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"cpu": 0}, "resources.cpu must be between 0.001 and 1024, not 0; the nearest valid value is 0.001."),
        ({"cpu": "0m"}, "resources.cpu must be between 0.001 and 1024"),
        ({"cpu": "4 cores"}, "resources.cpu must be a number, not '4 cores'."),
        ({"cpu": True}, "resources.cpu must be a number, not true."),
        ({"memory_gib": 0}, "resources.memory_gib must be above 0, not 0."),
        ({"memory_gib": "16Gi"}, "resources.memory_gib must be a number, not '16Gi'."),
        ({"shared_memory_gib": -1}, "resources.shared_memory_gib must be above 0, not -1."),
        ({"accelerator": {"type": "gpu"}}, "resources.accelerator.type must be the resource name of a device plugin"),
        ({"accelerator": {"count": -1}}, "resources.accelerator.count must be between 0 and 64"),
        ({"accelerator": {"kind": "a"}}, "resources.accelerator has no field 'kind'"),
        ({"node_selector": {"a b": "c"}}, "not 'a b'; try 'a-b'."),
        ({"node_selector": {"a": "b c"}}, "resources.node_selector has a wrong value under 'a', which must be at most"),
        ({"labels": {"team": "b c"}}, "not 'b c'; try 'b-c'."),
        ({"labels": {"n": 1}}, "resources.labels.n must be text, not 1; put it in quotes: '1'."),
        ({"labels": {"nasflow/search": "x"}}, "has the key 'nasflow/search', which 'nasflow' sets itself"),
        ({"labels": {"pipelines.kubeflow.org/x": "x"}}, "which 'pipelines.kubeflow.org' sets itself; choose another."),
        ({"annotations": {"a": "x" * 300_000}}, "must be at most 262,144 bytes together, not 300,001."),
        ({"spot": True}, "resources.spot must be 'never', 'aks', 'eks', 'gke' or 'karpenter', not true."),
        ({"spot": "gk"}, "Did you mean 'gke'?"),
        ({"cache": "a.b"}, "resources.cache must be at most 63 lower-case letters"),
        ({"cache": {"claim": "a"}}, "resources.cache must be text, not a mapping."),
        ({"image_pull_secrets": "registry"}, "resources.image_pull_secrets must be a list, not 'registry'"),
        ({"image_pull_secrets": ["Reg_1"]}, "not 'Reg_1'; try 'reg-1'."),
        ({"secrets": {"S_3": {"AWS_ACCESS_KEY_ID": "k"}}}, "not 'S_3'; try 's-3'."),
        ({"secrets": {"s3": {}}}, "resources.secrets has nothing under 's3'; name a variable and a key"),
        (
            {"secrets": {"s3": {"A-B": "k"}}},
            "resources.secrets has a wrong name, which must be letters, digits and '_'",
        ),
        ({"secret_files": {"s3": "a"}}, "resources.secret_files has a wrong path for 's3', which must be a path from"),
        ({"secret_files": {"a.b": "/a"}}, "since the volume is named after it, not 'a.b'; try 'a-b'."),
        ({"env": {"a-b": "c"}}, "not 'a-b'; try 'a_b'."),
        ({"env": {"THREADS": 4}}, "resources.env.THREADS must be text, not 4; put it in quotes: '4'."),
        ({"steps": {"train_candidate": {}}}, "has no field 'train_candidate'. Did you mean 'train_candidates'?"),
        ({"steps": {"train-final": {}}}, "resources.steps has no field 'train-final'. Did you mean 'train_final'?"),
        ({"steps": {"report": {"cpu": 0}}}, "resources.steps.report.cpu must be between 0.001 and 1024"),
        ({"steps": {"report": {"device": "cpu"}}}, "resources.steps.report has no field 'device'"),
        ({"steps": {"report": {"steps": {}}}}, "resources.steps.report has no field 'steps'"),
    ],
)
def test_a_mistake_is_one_sentence_with_field_rule_and_value(resources: dict[str, Any], words: str) -> None:
    assert words in refusal(**resources)


@pytest.mark.parametrize(
    ("toleration", "words"),
    [
        ({"key": "a", "operator": "Exists", "value": "b"}, "value has no effect with operator: Exists"),
        ({"key": "a", "operator": "Equal"}, "value is missing, which operator: Equal compares"),
        ({"value": "a"}, "key is missing, whose value is compared"),
        ({"key": "a", "seconds": 5}, "seconds needs effect: NoExecute"),
        ({"key": "a", "effect": "NoRun"}, "effect must be 'NoSchedule', 'PreferNoSchedule' or 'NoExecute'"),
        ({"key": "a b"}, "key must be at most 63 letters"),
        ({"key": "a", "value": "b c"}, "value must be at most 63 letters"),
        ({"key": "a", "seconds": -1, "effect": "NoExecute"}, "seconds must be at least 0, not -1"),
    ],
)
def test_a_toleration_that_kubernetes_would_refuse(toleration: dict[str, Any], words: str) -> None:
    problem = refusal(tolerations=[toleration])
    assert problem.startswith("resources.tolerations[0]")
    assert words in problem


def test_a_toleration_may_be_of_everything() -> None:
    (everything,) = config(tolerations=[{}]).resources.tolerations
    assert (everything.key, everything.operator) == (None, None)


@pytest.mark.parametrize(
    "resources",
    [
        {"env": {"AWS_SECRET_ACCESS_KEY": "hunter2"}},
        {"env": {"AWS_SECRET_ACCESS_KEY": 4711, "A": "hunter2"}},
        {"env": {"MLFLOW_TRACKING_URI": "https://user:hunter2@mlflow"}},
        {"secrets": {"AWS_SECRET_ACCESS_KEY": "hunter2"}},
        {"secrets": {"nasflow-s3": {"AWS_SECRET_ACCESS_KEY": "hunter2+/="}}},
        {"secrets": {"nasflow-s3": {"AWS_SECRET_ACCESS_KEY": 4711}}},
        {"secrets": {"nasflow-s3": {"AWS_SECRET_ACCESS_KEY": ["hunter2"]}}},
        {"config_maps": {"nasflow": {"MLFLOW_TRACKING_PASSWORD": "hunter2"}}},
        {"steps": {"report": {"env": {"HF_TOKEN": "hunter2"}}}},
    ],
)
def test_a_secret_that_is_written_down_is_refused_and_not_repeated(resources: dict[str, Any]) -> None:
    problem = refusal(**resources)
    assert "hunter2" not in problem
    assert "4711" not in problem


def test_editors_know_the_fields_and_the_steps() -> None:
    definitions = json_schema()["$defs"]
    assert "train_candidates" in json.dumps(definitions["ResourcesConfig"]["properties"]["steps"])
    for model in ("ResourcesConfig", "PodConfig", "TolerationConfig", "AcceleratorConfig"):
        assert all(field.get("description") or "$ref" in field for field in definitions[model]["properties"].values())
        assert definitions[model]["additionalProperties"] is False
