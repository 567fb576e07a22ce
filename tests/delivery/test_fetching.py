"""A registered version comes back as it was registered, and what is not there is said."""

import json
from pathlib import Path

import pytest

from nasflow.delivery.fetching import Version, fetch, fetched_model, version_of
from nasflow.delivery.registering import register
from nasflow.errors import TrackingError


@pytest.fixture(scope="module")
def submitted(registry):
    submission = registry.submission("fetched", "fetched", 1)
    register(registry.target, submission)
    return submission


def test_a_version_is_found_by_its_alias(registry, submitted) -> None:
    assert version_of(registry.client, registry.target, "fetched", "champion") == Version("fetched", 1)
    with pytest.raises(TrackingError, match=r"model 'fetched' in .* has no version 'nobody'; its aliases: champion\."):
        version_of(registry.client, registry.target, "fetched", "nobody")


def test_it_comes_back_whole(registry, submitted, tmp_path: Path) -> None:
    package = fetch(registry.client, registry.target, Version("fetched", 1), tmp_path)
    assert package.onnx.read_bytes() == submitted.onnx.read_bytes()
    assert (tuple(package.classes), package.size, package.channels) == (submitted.bundle.classes, 8, 1)
    assert package.onnx.is_relative_to(tmp_path.resolve())


@pytest.mark.parametrize("wanted", ["champion", "1"])
def test_a_model_is_there_for_as_long_as_it_is_needed(registry, submitted, wanted: str) -> None:
    with fetched_model("fetched", wanted, registry.target.uri) as (onnx, metadata):
        assert onnx.read_bytes() == submitted.onnx.read_bytes()
        assert json.loads(metadata.read_text())["classes"] == list(submitted.bundle.classes)
    assert not onnx.exists()


def test_the_environment_says_where_mlflow_is(registry, submitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.target.uri)
    with fetched_model("fetched", "champion") as (onnx, _):
        assert onnx.exists()


def test_what_is_not_there_is_said(registry, submitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, wanted, uri, said in (
        ("fetched", "champion", None, "there is no MLflow database"),
        ("fetched", "9", registry.target.uri, "version 9 of 'fetched' cannot be loaded"),
        ("unknown", "champion", registry.target.uri, "no model 'unknown' is registered in"),
        ("fetchd", "champion", registry.target.uri, "Did you mean 'fetched'"),
    ):
        with pytest.raises(TrackingError, match=said), fetched_model(name, wanted, uri):
            pass
    assert not list(tmp_path.iterdir()), "looking for a database makes none"


def test_a_model_of_somebody_else_is_refused(registry, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: elsewhere}}")
    registry.client.create_registered_model("theirs")
    registry.client.create_model_version("theirs", tmp_path.as_uri(), run_id=registry.run())
    with (
        pytest.raises(TrackingError, match="it is no model of nasflow, or damaged"),
        fetched_model("theirs", "1", registry.target.uri),
    ):
        pass
