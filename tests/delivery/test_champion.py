"""The champion is asked through its own file, and what cannot be asked says why."""

from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest

from nasflow.delivery.champion import IncomparableError, champion_probabilities, champion_version
from nasflow.delivery.fetching import Version
from nasflow.delivery.registering import register


@pytest.fixture(scope="module")
def submitted(registry):
    submission = registry.submission("asked", "asked", 2)
    register(registry.target, submission)
    return submission


def ask(registry, submission, images: np.ndarray | None = None, classes: tuple[str, ...] | None = None) -> np.ndarray:
    images = submission.bundle.images("test") if images is None else images
    wanted = classes or submission.bundle.classes
    return champion_probabilities(registry.client, registry.target, Version("asked", 1), images, wanted)


def test_who_is_champion(registry, submitted) -> None:
    assert champion_version(registry.client, "asked") == 1
    registry.client.create_registered_model("nobody")
    assert champion_version(registry.client, "nobody") is None


def test_it_answers_as_it_did_when_it_was_registered(registry, submitted) -> None:
    np.testing.assert_allclose(ask(registry, submitted), submitted.probabilities, atol=1e-6)


def test_columns_follow_the_order_that_is_wanted(registry, submitted) -> None:
    turned = submitted.bundle.classes[::-1]
    np.testing.assert_allclose(ask(registry, submitted, classes=turned)[:, ::-1], submitted.probabilities, atol=1e-6)


@pytest.mark.parametrize(("size", "channels"), [(8, 3), (32, 1), (32, 3)])
def test_other_sizes_and_channels_are_fitted(registry, submitted, size: int, channels: int) -> None:
    images = np.array(submitted.bundle.images("test"))
    larger = images.repeat(size // 8, 1).repeat(size // 8, 2).repeat(channels, 3)
    found = ask(registry, submitted, larger)
    assert (found.argmax(1) == submitted.probabilities.argmax(1)).all()


@pytest.mark.parametrize("classes", [("cat", "dog"), ("cat", "dog", "horse"), ("cat", "cat", "dog")])
def test_other_classes_are_refused(registry, submitted, classes: tuple[str, ...]) -> None:
    with pytest.raises(IncomparableError, match=rf"its classes are 3 .* those of the data {len(classes)} \(cat"):
        ask(registry, submitted, classes=classes)


def damaged(registry, submitted, name: str, file: str, content: bytes) -> Version:
    other = replace(submitted, name=name, outcome=replace(submitted.outcome, search_id=name), run_id=registry.run())
    register(registry.target, other)
    tags = registry.client.get_model_version(name, "1").tags
    root = Path(registry.client.get_logged_model(tags["nasflow.model_id"]).artifact_location.removeprefix("file://"))
    next(root.rglob(file)).write_bytes(content)
    return Version(name, 1)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model.onnx", b"not a network", "its file cannot be run"),
        ("metadata.json", b"{}", "damaged"),
        ("metadata.json", b"\xff", "damaged"),
        ("MLmodel", b"- a list", "damaged"),
        (
            "MLmodel",
            b"flavors: {python_function: {artifacts: {metadata: {path: ../../../../etc/passwd}, onnx: {path: x}}}}",
            "outside of the model",
        ),
    ],
)
def test_damage_is_no_crash(registry, submitted, file: str, content: bytes, said: str) -> None:
    version = damaged(registry, submitted, f"damaged-{len(content)}-{len(file)}", file, content)
    images = submitted.bundle.images("test")
    with pytest.raises(IncomparableError, match=said):
        champion_probabilities(registry.client, registry.target, version, images, submitted.bundle.classes)


def test_a_download_that_fails_is_no_verdict(registry, submitted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks must stop the registration, not make a challenger of the new version for good."""

    def breaks(**_: object) -> str:
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", breaks)
    monkeypatch.setattr(type(registry.client), "get_model_version_download_uri", lambda *_: "s3://bucket/model")
    with pytest.raises(ConnectionError):
        ask(registry, submitted)
    monkeypatch.setattr(type(registry.client), "get_model_version_download_uri", lambda *_: "/gone/model")
    with pytest.raises(IncomparableError, match="its files are gone"):
        ask(registry, submitted)
