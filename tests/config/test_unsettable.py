"""What a pod may have elsewhere and cannot be given here."""

from __future__ import annotations

import pytest

from nasflow.config import parse_config
from nasflow.config.pods import PodConfig
from nasflow.config.unsettable import set_elsewhere
from nasflow.errors import ConfigError


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("priority_class", "workflowDefaults.spec.podPriorityClassName"),
        ("priorityClassName", "globalDefault"),
        ("service_account", "one service account for all its tasks"),
        ("serviceAccountName", "DEFAULTPIPELINERUNNERSERVICEACCOUNT"),
        ("termination_grace_period", "every epoch is in the store"),
        ("terminationGracePeriodSeconds", "workflowDefaults.spec.podSpecPatch"),
        ("read_only_root_filesystem", "admission policy"),
        ("securityContext", "admission policy"),
        ("run_as_user", "runs as any user"),
        ("affinity", "workflowDefaults.spec.affinity"),
        ("node-affinity", "node_selector"),
        ("topologySpreadConstraints", "workflowDefaults.spec.affinity"),
        ("runtimeClassName", "podSpecPatch"),
        ("initContainers", "podSpecPatch"),
        ("volumes", "cache mounts a claim"),
        ("retry", "templateDefaults.retryStrategy"),
        ("timeout", "budget.hours"),
        ("imagePullPolicy", "--image"),
        ("gpu", "accelerator: {type: nvidia.com/gpu, count: 1}"),
        ("limits", "request and limit at once"),
        ("memory", "memory_gib: 16"),
        ("shm_size", "shared_memory_gib: 4"),
        ("configMap", "config_maps"),
    ],
)
def test_it_is_recognised_by_name_and_the_place_named_in_one_sentence(key: str, words: str) -> None:
    for section, name in (("  ", "resources"), ("  steps:\n    train_final:\n      ", "resources.steps.train_final")):
        with pytest.raises(ConfigError) as told:
            parse_config(f"name: a\ndata: sklearn:digits\nresources:\n{section}{key}: 1\n", "s.yaml")
        (problem,) = told.value.problems
        assert problem.startswith("s.yaml, line ")
        assert f"{name} has no field '{key}': " in problem
        assert words in problem
        assert problem.endswith(".")
        assert ". " not in problem.removeprefix("s.yaml, line ")


def test_no_field_of_a_pod_is_among_them() -> None:
    assert [name for name in PodConfig.model_fields if set_elsewhere(name)] == []


def test_any_other_key_gets_the_usual_answer() -> None:
    assert set_elsewhere("colour") == ""
    with pytest.raises(ConfigError, match=r"resources has no field 'nodeSelector'\. Did you mean 'node_selector'\?"):
        parse_config("name: a\ndata: sklearn:digits\nresources: {nodeSelector: {a: b}}\n", "s.yaml")
