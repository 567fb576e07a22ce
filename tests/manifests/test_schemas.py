"""Each overlay is valid for each supported Kubernetes: unknown fields fail, and so does a kind without a schema."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34")
OURS = Path(__file__).with_name("schemas")
EXAMPLE = Path(__file__).resolve().parents[2] / "manifests" / "secrets.yaml.example"

Document = dict[str, Any]


@functools.cache
def kubernetes(version: str, name: str) -> Any:
    """A file of Kubernetes' schemas, of the strict kind."""
    return schema_contents(f"kubernetes-json-schema/v{version}.0-local-strict/{name}.json", version)


@functools.cache
def validator(version: str, api_version: str, kind: str) -> Draft202012Validator:
    """The schema of a kind: Kubernetes', or that of a custom resource, which lies beside this file.

    Raises:
        FileNotFoundError: There is none.
    """
    group, _, short = api_version.rpartition("/")
    if "." in group and not group.endswith(".k8s.io"):
        schema = json.loads((OURS / f"{group}-{short}-{kind.lower()}.json").read_text())
    else:
        schema = kubernetes(version, "-".join(filter(None, (kind.lower(), group.partition(".")[0], short))))
    definitions = Resource.from_contents(kubernetes(version, "_definitions"))
    registry: Registry[Any] = Resource.from_contents(schema) @ (definitions @ Registry())
    return Draft202012Validator(schema, registry=registry)


def validate(document: Document, version: str) -> None:
    validator(version, document["apiVersion"], document["kind"]).validate(document)


def find(documents: list[Document], kind: str) -> Document:
    return next(document for document in documents if document["kind"] == kind)


@pytest.mark.parametrize("version", VERSIONS)
def test_overlay_is_valid(build: Callable[[str], list[Document]], overlay: str, version: str) -> None:
    documents = build(overlay)
    assert documents
    for document in documents:
        validate(document, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Deployment", ("spec", "template", "spec", "containers", 0, "readinesProbe"), {}),
        ("Deployment", ("spec", "replicas"), "two"),
        ("Deployment", ("spec", "template", "spec", "hostNetwrok"), True),
        ("NetworkPolicy", ("spec", "egres"), []),
        ("Role", ("rules", 0, "verb"), ["get"]),
        ("StatefulSet", ("spec", "volumeClaimTemplates", 0, "spec", "size"), "1Gi"),
    ],
)
def test_mistake_is_found(
    build: Callable[[str], list[Document]], version: str, kind: str, path: tuple[str | int, ...], value: object
) -> None:
    document = find(build("standalone"), kind)
    plant(document, path, value)
    with pytest.raises(ValidationError):
        validate(document, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "predictr"), {}),
        (("spec", "predictor", "minReplica"), 1),
        (("spec", "predictor", "minReplicas"), "1"),
        (("spec", "predictor", "containers", 0, "comand"), ["mlflow"]),
        (("spec", "predictor", "containers", 0, "securityContext", "runAsRoot"), False),
        (("spec", "predictor", "volumes", 0, "emptyDirectory"), {}),
        (("metadata", "label"), {}),
        (("apiVersion",), "serving.kserve.io/v1"),
    ],
)
def test_mistake_in_a_custom_resource_is_found(
    build: Callable[[str], list[Document]], version: str, path: tuple[str | int, ...], value: object
) -> None:
    document = find(build("serving"), "InferenceService")
    plant(document, path, value)
    with pytest.raises((ValidationError, FileNotFoundError)):
        validate(document, version)


def test_custom_resource_needs_its_specification(build: Callable[[str], list[Document]]) -> None:
    document = find(build("serving"), "InferenceService")
    del document["spec"]["predictor"]
    with pytest.raises(ValidationError, match="'predictor' is a required property"):
        validate(document, VERSIONS[-1])


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "Pood"),
        ("apps/v2", "Deployment"),
        ("networking.k8s.io/v1", "NetworkPolicies"),
        ("kubeflow.org/v1", "Profile"),
        ("apps.example.com/v1", "Deployment"),
    ],
)
def test_schema_that_is_not_there_is_a_failure(api_version: str, kind: str) -> None:
    with pytest.raises(FileNotFoundError):
        validate({"apiVersion": api_version, "kind": kind}, VERSIONS[-1])


def test_same_verdict_as_the_package(build: Callable[[str], list[Document]]) -> None:
    """The schemas are kept open here, for speed; what they say is what `kubernetes-validate --strict` says."""
    from kubernetes_validate import ValidationError as Refused
    from kubernetes_validate import validate as reference

    document = find(build("standalone"), "StatefulSet")
    assert reference(document, "1.34", strict=True) == "1.34"
    document["spec"]["replcas"] = 1
    with pytest.raises(Refused, match="replcas"):
        reference(document, "1.34", strict=True)


def test_example_of_secrets_cannot_be_deployed() -> None:
    """No cluster knows its kind, kubectl takes no file of its ending from a folder, no kustomization lists it."""
    documents = list(yaml.safe_load_all(EXAMPLE.read_text()))
    assert len(documents) > 3
    assert EXAMPLE.suffix not in (".yaml", ".yml", ".json")
    for document in documents:
        with pytest.raises(FileNotFoundError):
            validate(document, VERSIONS[-1])
        assert all(value.startswith("<") and value.endswith(">") for value in document["stringData"].values())
    for path in EXAMPLE.parent.rglob("kustomization.yaml"):
        assert EXAMPLE.name not in path.read_text(), path


def plant(document: Document, path: tuple[str | int, ...], value: object) -> None:
    """Write a value into a document, at a path."""
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
