"""Uploading a compiled search: a pipeline for each search, a version for each content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nasflow.pipelines.cluster.connection import Connection, filtered

_DIGITS = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, where it is there, reads a large pipeline in a tenth of the time."""


@dataclass(frozen=True)
class Version:
    """A pipeline's version on the server.

    Attributes:
        pipeline: Name of the pipeline.
        name: The digest of what was uploaded.
        pipeline_id: Of the pipeline.
        version_id: Of the version.
    """

    pipeline: str
    name: str
    pipeline_id: str
    version_id: str


def content_name(content: bytes) -> str:
    """Return the name of a version: the beginning of its content's SHA-256."""
    return f"sha256-{hashlib.sha256(content).hexdigest()[:_DIGITS]}"


def read_spec(content: bytes) -> Any:
    """Return the first document of a compiled pipeline, or None where there is none."""
    return next(iter(yaml.load_all(content, Loader=_LOADER)), None)


def read_request(content: bytes) -> dict[str, Any]:
    """Return the request of a search that a compiled pipeline has for its default."""
    parameters = read_spec(content)["root"]["inputDefinitions"]["parameters"]
    found: dict[str, Any] = json.loads(parameters["request"]["defaultValue"])
    return found


def uploaded(connection: Connection, file: Path) -> Version:
    """Return the version with the content of a compiled pipeline, uploaded where it is not there yet.

    Args:
        connection: Kubeflow Pipelines.
        file: The compiled pipeline.

    Raises:
        ClusterError: It cannot be uploaded.
    """
    content = file.read_bytes()
    name = str(read_spec(content)["pipelineInfo"]["name"])
    pipeline = _pipeline(connection, name)
    version = _version(connection, pipeline.pipeline_id, content_name(content), file)
    return Version(name, content_name(content), pipeline.pipeline_id, version.pipeline_version_id)


def _pipeline(connection: Connection, name: str) -> Any:
    client = connection.client
    namespace = connection.namespace
    where = {"namespace": namespace} if namespace else {}

    def find() -> Any:
        found = client.pipelines.pipeline_service_list_pipelines(filter=filtered("display_name", name), **where)
        return next((each for each in found.pipelines or () if each.display_name == name), None)

    def create() -> Any:
        wanted = client.api_models.V2beta1Pipeline(display_name=name, **where)
        return client.pipelines.pipeline_service_create_pipeline(pipeline=wanted)

    return connection.ensured(f"make the pipeline '{name}'", find, create)


def _version(connection: Connection, pipeline_id: str, name: str, file: Path) -> Any:
    client = connection.client

    def find() -> Any:
        listed = client.pipelines.pipeline_service_list_pipeline_versions
        found = listed(pipeline_id=pipeline_id, filter=filtered("display_name", name))
        return next((each for each in found.pipeline_versions or () if each.display_name == name), None)

    def create() -> Any:
        return client.pipeline_uploads.upload_pipeline_version(str(file), name=name, pipelineid=pipeline_id)

    return connection.ensured("upload the pipeline", find, create)
