"""What the pods of a compiled pipeline have, read from the file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nasflow.config import SearchConfig, config_from
from nasflow.config.loading import load_config
from nasflow.config.steps import CACHING, REFRESHING, STEPS, STORING, TRACKING, TRAINING
from nasflow.pipelines.search.compiling import compile_search
from nasflow.pipelines.search.pods import SPOT
from nasflow.testing.plugins import installed

IMAGE = "registry.example.com/nasflow@sha256:" + "0" * 64
FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("*/*.yaml")])
RESOURCES: dict[str, Any] = {
    "cpu": 8,
    "memory_gib": 32,
    "accelerator": {"type": "nvidia.com/gpu", "count": 2},
    "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
    "tolerations": [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}],
    "spot": "gke",
    "shared_memory_gib": 4,
    "cache": "nasflow-cache",
    "image_pull_secrets": ["registry"],
    "secrets": {
        "nasflow-s3": {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"},
        "nasflow-mlflow": {"MLFLOW_TRACKING_USERNAME": "username", "MLFLOW_TRACKING_PASSWORD": "password"},
    },
    "secret_files": {"nasflow-ca": "/ca"},
    "config_maps": {"nasflow": {"MLFLOW_TRACKING_URI": "tracking"}},
    "env": {"AWS_CA_BUNDLE": "/ca/ca.crt"},
    "labels": {"team": "vision"},
    "annotations": {"example.com/why": "a search"},
}
HOURS = {"budget": {"trials": 500, "hours": 0.07}}
"""With these, the pipeline has two rounds and the step `search_on`."""

ONE_ROUND = {"budget": {"trials": 8}}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def config(**sections: Any) -> SearchConfig:
    document = {"name": "pods", "data": "sklearn:digits", "storage": {"url": "s3://bucket"}}
    return config_from(document | ONE_ROUND | sections)


class Compiled:
    """A compiled pipeline, by the names of its steps."""

    def __init__(self, asked: SearchConfig, folder: Path, device_kind: str = "cuda-NVIDIA L4") -> None:
        target = folder / "pipeline.yaml"
        compile_search(asked, folder, target, device_kind, image=IMAGE)
        self.text = target.read_text()
        self.spec, *rest = yaml.load_all(self.text, Loader=LOADER)
        self._platform = rest[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if rest else {}

    def tasks(self) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Yield the step, container and Kubernetes part of every executor."""
        for name, executor in self.spec["deploymentSpec"]["executors"].items():
            step = next(step for step in STEPS if _is(name, step))
            yield step, executor["container"], self._platform.get(name, {})

    def steps_where(self, says: Any) -> set[str]:
        """Return the steps of which something is so, and make sure that it is so of all their tasks or of none."""
        answers: dict[str, set[bool]] = {}
        for step, container, pod in self.tasks():
            answers.setdefault(step, set()).add(bool(says(container, pod)))
        assert all(len(found) == 1 for found in answers.values())
        return {step for step, found in answers.items() if found == {True}}

    def one(self, step: str) -> tuple[dict[str, Any], dict[str, Any]]:
        return next((container, pod) for name, container, pod in self.tasks() if name == step)

    def cached(self) -> set[str]:
        """Return the steps that are cached."""
        dags = [self.spec["root"]["dag"], *(c["dag"] for c in self.spec["components"].values() if "dag" in c)]
        tasks = [task for dag in dags for task in dag["tasks"].values()]
        on = [task["componentRef"]["name"] for task in tasks if task.get("cachingOptions", {}).get("enableCache")]
        return {step for step in STEPS for name in on if _is(name.replace("comp-", "exec-"), step)}


def _is(executor: str, step: str) -> bool:
    name = f"exec-{step.replace('_', '-')}"
    return executor == name or executor.removeprefix(f"{name}-").isdecimal()


def has_secret(name: str) -> Any:
    return lambda _, pod: name in [each["secretName"] for each in pod.get("secretAsEnv", [])]


def equipped(path: Path) -> SearchConfig:
    """Return an example with everything that a pod can have, all of whose steps are there."""
    document = load_config(path).model_dump(mode="json", exclude_defaults=True)
    return config_from(document | {"storage": {"url": "s3://bucket"}, "resources": RESOURCES} | HOURS)


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiled]:
    folder = tmp_path_factory.mktemp("compiled")
    shutil.copy(FOLDER / "own_family/tiny.py", folder)
    with installed(folder, {"families": {"tiny": "tiny:Tiny"}}, "tiny"):
        yield Compiled(equipped(request.param), folder)
    sys.modules.pop("tiny", None)


def test_every_step_is_there(example: Compiled) -> None:
    assert {step for step, _, _ in example.tasks()} == set(STEPS) - REFRESHING


def test_accelerator_nodes_and_tolerations_are_for_the_steps_that_train_alone(example: Compiled) -> None:
    """The steps that train are `train_candidates`, `train_final`, and `search_on`, which does rounds of the former."""
    assert {"train_candidates", "train_final", "search_on"} == TRAINING
    assert example.steps_where(lambda container, _: "accelerator" in container["resources"]) == TRAINING
    for field in ("nodeSelector", "tolerations", "emptyDirMounts"):
        assert example.steps_where(lambda _, pod, field=field: field in pod) == TRAINING


def test_each_secret_is_on_exactly_the_tasks_that_use_it(example: Compiled) -> None:
    assert example.steps_where(has_secret("nasflow-s3")) == STORING - REFRESHING
    assert example.steps_where(has_secret("nasflow-mlflow")) == TRACKING - REFRESHING
    assert example.steps_where(lambda _, pod: "secretAsVolume" in pod) == STORING - REFRESHING
    assert example.steps_where(lambda _, pod: "pvcMount" in pod) == CACHING


def test_the_steps_that_open_the_search_know_the_run_that_holds_it(example: Compiled) -> None:
    wanted = [{"name": "NASFLOW_RUN", "fieldPath": "metadata.labels['pipeline/runid']"}]
    assert example.steps_where(lambda _, pod: pod.get("fieldPathAsEnv") == wanted) == STORING - REFRESHING


def test_the_cache_of_kubeflow_is_on_for_the_space_alone(example: Compiled) -> None:
    assert example.cached() == {"generate_space"}


def test_every_pod_has_image_labels_and_limits_or_requests(example: Compiled) -> None:
    for step, container, pod in example.tasks():
        assert container["image"] == IMAGE
        assert pod["podMetadata"]["labels"]["nasflow/step"] == step
        assert {"resourceCpuRequest", "resourceMemoryRequest"} <= set(container["resources"])


def test_kubeflow_reads_it_back(example: Compiled) -> None:
    from google.protobuf import json_format
    from kfp import components
    from kfp.kubernetes import kubernetes_executor_config_pb2 as pb

    pipeline = components.load_component_from_text(example.text)
    assert pipeline.name == example.spec["pipelineInfo"]["name"]
    for _, _, pod in example.tasks():
        json_format.ParseDict(pod, pb.KubernetesExecutorConfig())  # raises where a field or its type is unknown


def test_no_secret_is_in_the_file(example: Compiled) -> None:
    for variable in ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD"):
        lines = {line.strip() for line in example.text.splitlines() if variable in line}
        assert lines == {f"- envVar: {variable}"}


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.parent == FOLDER], ids=lambda path: path.stem)
def test_an_example_as_it_is_asks_for_no_accelerator_and_no_secret(path: Path, tmp_path: Path) -> None:
    found = Compiled(load_config(path), tmp_path, "cpu-test")
    assert found.cached() == {"generate_space"}
    for step, container, pod in found.tasks():
        assert "accelerator" not in container["resources"]
        assert set(pod) == {"podMetadata"} | ({"fieldPathAsEnv"} if step in STORING else set())
        assert set(pod["podMetadata"]["labels"]) == {"nasflow/search", "nasflow/step"}
        assert ("resourceMemoryLimit" in container["resources"]) is (step not in TRAINING)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """One round, without hours, with everything that a pod can have."""
    return Compiled(config(resources=RESOURCES), tmp_path_factory.mktemp("plain"))


def test_each_field_becomes_what_kubernetes_calls_it(plain: Compiled) -> None:
    container, pod = plain.one("train_candidates")
    resources = container["resources"]
    assert resources["resourceCpuRequest"] == resources["resourceCpuLimit"] == "8000m"
    assert resources["resourceMemoryRequest"] == resources["resourceMemoryLimit"] == "32768Mi"
    assert resources["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert resources["accelerator"]["resourceCount"] == "2"
    assert container["env"] == [
        {"name": "AWS_CA_BUNDLE", "value": "/ca/ca.crt"},
        {"name": "NASFLOW_CORES", "value": "8"},
    ]
    assert pod["nodeSelector"]["labels"] == {
        "cloud.google.com/gke-accelerator": "nvidia-l4",
        "cloud.google.com/gke-spot": "true",
    }
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
        {"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
    ]
    (shared,) = pod["emptyDirMounts"]
    assert (shared["mountPath"], shared["medium"], shared["sizeLimit"]) == ("/dev/shm", "Memory", "4096Mi")
    assert [each["secretName"] for each in pod["imagePullSecret"]] == ["registry"]
    assert [(each["secretName"], each["mountPath"]) for each in pod["secretAsVolume"]] == [("nasflow-ca", "/ca")]
    assert pod["podMetadata"]["labels"] == {
        "team": "vision",
        "nasflow/search": "pods",
        "nasflow/step": "train_candidates",
    }
    assert pod["podMetadata"]["annotations"] == {"example.com/why": "a search"}
    (mapped,) = pod["configMapAsEnv"]
    assert mapped["configMapName"] == "nasflow"
    assert mapped["keyToEnv"] == [{"configMapKey": "tracking", "envVar": "MLFLOW_TRACKING_URI"}]


def test_the_cache_is_mounted_where_the_step_looks_for_it(plain: Compiled) -> None:
    container, pod = plain.one("prepare_data")
    (claim,) = pod["pvcMount"]
    assert (claim["constant"], claim["mountPath"]) == ("nasflow-cache", "/cache")
    assert {"name": "NASFLOW_CACHE", "value": "/cache"} in container["env"]


def test_a_step_has_what_is_said_of_it(tmp_path: Path) -> None:
    steps = {
        "train_final": {"memory_gib": 64.5, "spot": "never"},
        "export_model": {"accelerator": {"count": 1}, "tolerations": [{}]},
        "report": {"cpu": "250m"},
    }
    found = Compiled(config(resources=RESOURCES | {"steps": steps}), tmp_path)
    container, pod = found.one("train_final")
    assert container["resources"]["resourceMemoryLimit"] == "66048Mi"
    assert set(pod["nodeSelector"]["labels"]) == {"cloud.google.com/gke-accelerator"}
    container, pod = found.one("export_model")
    assert container["resources"]["accelerator"]["resourceCount"] == "1"
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"operator": "Exists"},
    ]
    assert found.one("report")[0]["resources"]["resourceCpuLimit"] == "250m"


@pytest.mark.parametrize(("cpu", "cores"), [(8, "8"), (3.9, "3"), ("250m", "1")])
def test_a_pod_is_told_its_cores(cpu: Any, cores: str, tmp_path: Path) -> None:
    """A process in a pod sees all the cores of its node."""
    steps = {"train_final": {"cpu": cpu}, "report": {"env": {"NASFLOW_CORES": "7"}, "cpu": 2}}
    found = Compiled(config(resources={"steps": steps}), tmp_path, "cpu-test")
    assert found.one("train_final")[0]["env"] == [{"name": "NASFLOW_CORES", "value": cores}]
    assert found.one("report")[0]["env"] == [{"name": "NASFLOW_CORES", "value": "7"}]
    assert "env" not in found.one("train_candidates")[0]


def test_without_hours_train_candidates_and_train_final_alone_have_the_accelerator(plain: Compiled) -> None:
    for field in ("nodeSelector", "tolerations"):
        assert plain.steps_where(lambda _, pod, field=field: field in pod) == {"train_candidates", "train_final"}
    trained = plain.steps_where(lambda container, _: "accelerator" in container["resources"])
    assert trained == {"train_candidates", "train_final"}


@pytest.mark.parametrize("provider", SPOT)
def test_spot_nodes_are_chosen_as_the_provider_labels_and_taints_them(provider: str, tmp_path: Path) -> None:
    _, pod = Compiled(config(resources={"spot": provider}), tmp_path, "cpu-test").one("train_final")
    labels, taints = SPOT[provider]
    assert pod["nodeSelector"]["labels"] == labels
    assert [each["key"] for each in pod.get("tolerations", [])] == [taint.key for taint in taints]
    assert all(taint.key in labels for taint in taints)


def test_one_key_of_a_secret_may_be_for_two_variables(tmp_path: Path) -> None:
    variables = {"MLFLOW_TRACKING_PASSWORD": "password", "MLFLOW_TRACKING_TOKEN": "password"}
    _, pod = Compiled(config(resources={"secrets": {"mlflow": variables}}), tmp_path, "cpu-test").one("select")
    found = {each["envVar"]: each["secretKey"] for secret in pod["secretAsEnv"] for each in secret["keyToEnv"]}
    assert found == variables


def test_twenty_rounds_of_sixty_four_shards_stay_below_400_kb_with_everything(tmp_path: Path) -> None:
    sections = {"budget": {"trials": 1280}, "parallelism": {"round_size": 64, "shard_size": 1}}
    target = tmp_path / "pipeline.yaml"
    compile_search(config(resources=RESOURCES, **sections), tmp_path, target, "cuda-NVIDIA L4", image=IMAGE)
    assert target.stat().st_size < 400_000


PROGRAM = """
import sys
from pathlib import Path
from nasflow.config.loading import load_config
from nasflow.pipelines.search.compiling import compile_search
compile_search(load_config(sys.argv[1]), Path("/"), Path(sys.argv[2]), "cuda-NVIDIA L4")
"""


def test_another_process_with_another_order_of_hashes_writes_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(
        yaml.safe_dump(
            {"name": "a", "data": "sklearn:digits", "storage": {"url": "s3://b"}, "resources": RESOURCES} | ONE_ROUND
        )
    )
    contents = []
    for seed in ("0", "1", "4711"):
        target = tmp_path / f"{seed}.yaml"
        environment = os.environ | {"PYTHONHASHSEED": seed, "NASFLOW_IMAGE": IMAGE}
        subprocess.run([sys.executable, "-c", PROGRAM, path, target], env=environment, check=True)
        contents.append(target.read_bytes())
    assert contents[0] == contents[1] == contents[2]
    assert IMAGE.encode() in contents[0]
