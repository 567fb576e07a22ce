"""Settings that no pod can have together."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.config import SearchConfig, config_from, parse_config
from nasflow.config.pod_checks import accelerated, pod_problems
from nasflow.config.steps import STEPS
from nasflow.errors import ConfigError

GPU = {"type": "nvidia.com/gpu"}


def config(**resources: Any) -> SearchConfig:
    return config_from({"name": "pods", "data": "sklearn:digits", "resources": resources})


def refusals(**resources: Any) -> list[str]:
    with pytest.raises(ConfigError) as told:
        config(**resources)
    return list(told.value.problems)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"device": "cpu", "accelerator": GPU}, "resources.accelerator has no use where resources.device is 'cpu'"),
        (
            {"accelerator": GPU, "steps": {"train_final": {"accelerator": {"count": 0}}}},
            "resources.steps.train_final.accelerator must be of the type of train_candidates (nvidia.com/gpu), not no",
        ),
        (
            {"accelerator": GPU, "steps": {"search_on": {"accelerator": {"type": "amd.com/gpu"}}}},
            "resources.steps.search_on.accelerator must be of the type of train_candidates (nvidia.com/gpu), not amd",
        ),
        (
            {"memory_gib": 4, "shared_memory_gib": 4},
            "resources.shared_memory_gib must be below memory_gib (4), of which it is a part, not 4.",
        ),
        (
            {"memory_gib": 4, "steps": {"train_final": {"shared_memory_gib": 8}}},
            "resources.steps.train_final.shared_memory_gib must be below memory_gib (4)",
        ),
        (
            {"secrets": {"hub": {"HF_TOKEN": "token"}}},
            "resources.secrets.hub: nasflow cannot tell which steps use HF_TOKEN; move it to resources.steps.STEP",
        ),
        (
            {"secret_files": {"ca": "/ca"}},
            "resources.secret_files.ca: no variable in resources.env that nasflow knows points to '/ca'; add one",
        ),
        (
            {"env": {"AWS_REGION": "a"}, "config_maps": {"nasflow": {"AWS_REGION": "region"}}},
            "resources.env: AWS_REGION is given more than once in secrets, config_maps and env; keep one.",
        ),
        (
            {"env": {"A": "a"}, "steps": {"report": {"secrets": {"s": {"A": "a"}}}}},
            "resources.steps.report.env: A is given more than once",
        ),
        (
            {"steps": {"report": {"secret_files": {"a": "/s", "b": "/s/t"}}}},
            "resources.steps.report.secret_files.b must be apart from '/s', where 'a' is, not '/s/t'.",
        ),
        (
            {"steps": {"report": {"secret_files": {"a": "/dev/shm"}}}},
            "resources.steps.report.secret_files.a must be apart from '/dev/shm', which pods have for themselves",
        ),
        (
            {"steps": {"report": {"secret_files": {"a": "/cache/secrets"}}}},
            "must be apart from '/cache', which pods have for themselves, not '/cache/secrets'.",
        ),
        (
            {"cache": "x", "steps": {"prepare_data": {"secret_files": {"x": "/x"}}}},
            "resources.steps.prepare_data.cache and secret_files both name 'x'",
        ),
    ],
)
def test_what_cannot_go_together_is_said_once_and_in_one_sentence(resources: dict[str, Any], words: str) -> None:
    (problem,) = refusals(**resources)
    assert words in problem
    assert problem.endswith(".")


def test_the_line_of_the_mistake_is_named() -> None:
    text = "name: a\ndata: sklearn:digits\nresources:\n  secrets:\n    hub:\n      HF_TOKEN: token\n"
    with pytest.raises(ConfigError, match=r"^s\.yaml, line 5: resources\.secrets\.hub: "):
        parse_config(text, "s.yaml")


@pytest.mark.parametrize(
    "resources",
    [
        {"accelerator": GPU},
        {"accelerator": GPU, "device": "cuda"},
        {"device": "cpu", "memory_gib": 4},
        {"accelerator": GPU, "steps": {"train_final": {"accelerator": {"count": 4}}}},
        {"memory_gib": 4, "shared_memory_gib": 3.5},
        {"shared_memory_gib": 8},
        {"steps": {"train_candidates": {"secrets": {"hub": {"HF_TOKEN": "token"}}}}},
        {"env": {"NASFLOW_S3_CREDENTIALS": "/secrets/s3"}, "secret_files": {"nasflow-s3": "/secrets/s3"}},
        {"secrets": {"a": {"AWS_ACCESS_KEY_ID": "k"}, "b": {"AWS_SECRET_ACCESS_KEY": "k"}}},
        {"cache": "x", "secrets": {"x": {"AWS_ACCESS_KEY_ID": "k"}}},
    ],
)
def test_what_goes_together_is_taken(resources: dict[str, Any]) -> None:
    assert list(pod_problems(config(**resources))) == []


def test_who_has_accelerators() -> None:
    given = config(accelerator={"count": 2}, steps={"report": {"accelerator": {"count": 1}}})
    counts = {step: found.count for step in STEPS if (found := accelerated(given, step))}
    assert counts == {"train_candidates": 2, "search_on": 2, "train_final": 2, "report": 1}
    assert accelerated(config(accelerator={"count": 0}), "train_candidates") is None
