"""The compiled pipeline: the same bytes each time, one small parameter, caching where it is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nasflow.config import SearchConfig
from nasflow.config.loading import load_config
from nasflow.engine.door import outlook
from nasflow.engine.request import Request
from nasflow.errors import ConfigError, SpaceError, UserError
from nasflow.pipelines.search.compiling import compile_search, kind_of_pods

EXAMPLES = sorted(Path(__file__).parents[2].joinpath("examples").glob("*.yaml"))
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def config(**sections: Any) -> SearchConfig:
    """Return a search of one round, unless it is told otherwise."""
    return SearchConfig.model_validate(
        {"name": "compiled", "data": "sklearn:digits", "budget": {"trials": 8}} | sections
    )


def compiled(folder: Path, asked: SearchConfig) -> dict[str, Any]:
    target = folder / "pipeline.yaml"
    compile_search(asked, folder, target, "cpu-test")
    found: dict[str, Any] = next(iter(yaml.load_all(target.read_text(), Loader=LOADER)))
    return found


@pytest.fixture(scope="module")
def three_rounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled(tmp_path_factory.mktemp("three"), config(budget={"trials": 20}))


def tasks(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every task of the pipeline, those inside loops included, by component and name."""
    found = {("", name): task for name, task in spec["root"]["dag"]["tasks"].items()}
    for component, content in spec["components"].items():
        for name, task in content.get("dag", {}).get("tasks", {}).items():
            found[component, name] = task
    return {f"{where}/{name}": task for (where, name), task in found.items() if "taskInfo" in task}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_compiles_to_the_same_bytes_each_time(path: Path, tmp_path: Path) -> None:
    contents = []
    for name in ("one.yaml", "two.yaml"):
        compile_search(load_config(path), path.parent, tmp_path / "new" / name, "cpu-test")
        contents.append((tmp_path / "new" / name).read_bytes())
    assert contents[0] == contents[1]
    assert {p.name for p in tmp_path.iterdir()} == {"new"}


def test_the_steps_are_all_there_round_by_round(three_rounds: dict[str, Any]) -> None:
    names = [task.rsplit("/", 1)[1] for task in tasks(three_rounds)]
    for step in ("prepare-data", "generate-space", "select", "train-final", "export-model", "report", "register-model"):
        assert names.count(step) == 1
    assert [name for name in names if name.startswith("propose")] == ["propose", "propose-2", "propose-3"]
    assert sum(name.startswith("train-candidates") for name in names) == 3


def test_only_the_space_is_cached(three_rounds: dict[str, Any]) -> None:
    for name, task in tasks(three_rounds).items():
        if "for-loop" in name.rsplit("/", 1)[1]:
            continue
        cached = task.get("cachingOptions", {}).get("enableCache", False)
        assert cached is name.endswith("/generate-space"), name


def test_the_parameters_are_the_request_and_when_it_is_due(tmp_path: Path) -> None:
    asked = config(strategy="grid", seed=4)
    parameters = compiled(tmp_path, asked)["root"]["inputDefinitions"]["parameters"]
    assert set(parameters) == {"request", "deadline"}
    assert parameters["deadline"]["defaultValue"] == 0.0  # the hours count from the first step
    request = Request.from_json(parameters["request"]["defaultValue"])
    assert request.device_kind == "cpu-test"
    assert request.config.seed == 4


def test_architectures_travel_in_artifacts_and_never_as_parameters(three_rounds: dict[str, Any]) -> None:
    parameters = set()
    for component in three_rounds["components"].values():
        for side in ("inputDefinitions", "outputDefinitions"):
            parameters |= set(component.get(side, {}).get("parameters", {}))
    plain = {name for name in parameters if not name.startswith("pipelinechannel--")}
    assert plain == {"request", "deadline", "fingerprint", "number", "shard", "Output"}
    propose = three_rounds["components"]["comp-propose"]["outputDefinitions"]
    assert propose["parameters"]["Output"]["parameterType"] == "LIST"  # the names of the shards
    assert propose["artifacts"]["proposal"]["artifactType"]["schemaTitle"] == "system.Artifact"


def test_twenty_rounds_stay_small(tmp_path: Path) -> None:
    target = tmp_path / "pipeline.yaml"
    sizes = {}
    for rounds in (1, 20):
        sections = {"budget": {"trials": 64 * rounds}, "parallelism": {"round_size": 64, "shard_size": 1}}
        compile_search(config(**sections), tmp_path, target, "cpu-test")
        sizes[rounds] = target.stat().st_size
    assert sizes[20] < 330_000  # 400,000 with everything that a pod can have: see test_pods.py
    assert (sizes[20] - sizes[1]) / 19 < 16_000


def test_steps_install_nothing_and_run_in_the_one_image(three_rounds: dict[str, Any]) -> None:
    containers = [e["container"] for e in three_rounds["deploymentSpec"]["executors"].values()]
    assert len({container["image"] for container in containers}) == 1
    assert not any("pip install" in " ".join(container["command"]) for container in containers)


def test_a_configuration_that_kubeflow_would_cut_is_refused(tmp_path: Path) -> None:
    asked = config(space={"family": "mlp", "choices": {"layer1.width": list(range(3000))}})
    with pytest.raises(UserError, match=r"bytes as a parameter, and Kubeflow Pipelines keeps 10,000"):
        compile_search(asked, tmp_path, tmp_path / "pipeline.yaml", "cpu-test")
    assert list(tmp_path.iterdir()) == []


def test_the_device_kind_is_this_machines_unless_given(tmp_path: Path) -> None:
    target = tmp_path / "pipeline.yaml"
    compile_search(config(resources={"device": "cpu"}), tmp_path, target)
    spec = next(iter(yaml.load_all(target.read_text(), Loader=LOADER)))
    request = Request.from_json(spec["root"]["inputDefinitions"]["parameters"]["request"]["defaultValue"])
    assert request.device_kind.startswith("cpu-")


@pytest.mark.parametrize(
    ("sections", "error", "words"),
    [
        (
            {"space": "mlp", "training": {"progressive": {"start": 0.5}}},
            ConfigError,
            "those of family 'mlp' do not; remove it",
        ),
        (
            {"training": {"augment": {"crop": 8}}},
            ConfigError,
            "training.augment.crop must be below the size of the images, 8, not 8.",
        ),
        ({"training": {"augment": {"cutout": 9}}}, ConfigError, "augment.cutout must be below the size of the images"),
        (
            {"objectives": ["val_accuracy", {"name": "parameters", "less_than": 5}]},
            SpaceError,
            "sampled networks would be trained",
        ),
    ],
)
def test_what_check_refuses_is_not_compiled(
    tmp_path: Path, sections: dict[str, Any], error: type[UserError], words: str
) -> None:
    asked = config(**sections)
    with pytest.raises(error) as checked:
        outlook(asked, tmp_path)
    with pytest.raises(error) as told:
        compile_search(asked, tmp_path, tmp_path / "pipeline.yaml", "cpu-test")
    assert words in str(told.value)
    assert str(told.value) == str(checked.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["photos", "npz:photos.npz", "photos.zip"])
def test_data_that_only_the_cluster_has_are_left_to_it(tmp_path: Path, source: str) -> None:
    asked = config(data=source, training={"augment": {"crop": 64}})
    target = tmp_path / "pipeline.yaml"
    (note,) = compile_search(asked, tmp_path / "missing", target, "cpu-test")
    assert note.startswith("The data are not here (there is no ")
    assert target.is_file()


def test_data_that_are_here_leave_nothing_to_note(tmp_path: Path) -> None:
    assert compile_search(config(), tmp_path, tmp_path / "pipeline.yaml", "cpu-test") == []


def test_a_bucket_that_only_the_cluster_reaches_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasflow.storage.patience.DOOR_SECONDS", 0.3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "recognisable")
    asked = config(data="s3://bucket/photos?endpoint=http://no-such-host.invalid:9000")
    (note,) = compile_search(asked, tmp_path, tmp_path / "pipeline.yaml", "cpu-test")
    assert note.startswith(
        "The data are not here (the S3 server http://no-such-host.invalid:9000 could not be used for"
    )
    assert "recognisable" not in (tmp_path / "pipeline.yaml").read_text() + note


def test_data_that_are_here_and_wrong_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="photos is empty"):
        compile_search(config(data="photos"), tmp_path, tmp_path / "pipeline.yaml", "cpu-test")
    with pytest.raises(UserError, match="'sklearn:digts' is unknown"):
        compile_search(config(data="sklearn:digts"), tmp_path, tmp_path / "pipeline.yaml", "cpu-test")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def request_in(spec: dict[str, Any]) -> Request:
    return Request.from_json(spec["root"]["inputDefinitions"]["parameters"]["request"]["defaultValue"])


def test_what_pods_are_made_of_is_in_the_file_and_not_in_the_request(tmp_path: Path) -> None:
    resources = {"memory_gib": 16, "env": {"A": "b"}, "steps": {"train_final": {"cpu": 2}}, "device": "cpu"}
    asked = request_in(compiled(tmp_path, config(resources=resources))).config
    assert asked.resources.model_dump(exclude_defaults=True) == {"device": "cpu"}
    assert asked.parallelism.workers is None


def test_the_pods_of_a_search_are_no_part_of_it(tmp_path: Path) -> None:
    plain = request_in(compiled(tmp_path, config()))
    dressed = request_in(compiled(tmp_path, config(resources={"cpu": 4, "memory_gib": 4, "labels": {"a": "b"}})))
    assert plain == dressed


def test_on_this_machine_a_task_has_nothing_of_a_pod(tmp_path: Path) -> None:
    """kfp.local never sees what it would refuse: its pipeline is made without."""
    from kfp import compiler

    from nasflow.pipelines.search.pipeline import search_pipeline

    asked = config(resources={"accelerator": {"count": 1}, "cpu": 2, "env": {"A": "b"}, "labels": {"a": "b"}})
    target = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(search_pipeline("local", asked, 1, "request"), str(target))
    (spec,) = yaml.load_all(target.read_text(), Loader=LOADER)
    for executor in spec["deploymentSpec"]["executors"].values():
        assert set(executor["container"]) == {"args", "command", "image"}


GPU = {"accelerator": {"type": "nvidia.com/gpu"}}


@pytest.mark.parametrize(
    ("resources", "kind", "words"),
    [
        ({"device": "cuda"}, "cuda-L4", "resources.device is 'cuda', but pods have no GPU unless they ask for it: add"),
        ({}, "cuda-L4", "--device-kind is 'cuda-L4', but pods have no GPU unless they ask for it"),
        (
            GPU,
            "cpu-AVX2",
            "the pods train on nvidia.com/gpu, and --device-kind is 'cpu-AVX2': name what the nodes have",
        ),
    ],
)
def test_pods_that_would_find_another_device_are_refused(resources: dict[str, Any], kind: str, words: str) -> None:
    with pytest.raises(UserError) as told:
        kind_of_pods(config(resources=resources), kind)
    assert words in str(told.value)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_where_this_machine_has_no_such_device_its_name_is_asked_for(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match=r"the pods train on nvidia\.com/gpu, and this machine is 'cpu-.*--device-kind"):
        kind_of_pods(config(resources=GPU | {"device": device}), None)


def test_the_device_of_the_pods(tmp_path: Path) -> None:
    assert kind_of_pods(config(), "cpu-AVX2") == "cpu-AVX2"
    assert kind_of_pods(config(resources=GPU), "cuda-NVIDIA L4") == "cuda-NVIDIA L4"
    assert kind_of_pods(config(resources=GPU | {"device": "cuda"}), "cuda-NVIDIA L4") == "cuda-NVIDIA L4"
