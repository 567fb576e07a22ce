"""Derives the JSON Schema of KServe's InferenceService from the models of its Python package.

    pip download --no-deps kserve==0.21.0
    python derive_kserve.py kserve-0.21.0-py3-none-any.whl > serving.kserve.io-v1beta1-inferenceservice.json

KServe generates the models and its CustomResourceDefinition from the same Go types. The package is read, not imported:
it wants older versions of what nasflow wants newer ones of. What a model takes over from Kubernetes becomes a
reference to Kubernetes' own schema, so it is as strict, and as old or new, as the version that is validated against.
`status`, which no manifest sets, is left out; unknown fields are refused throughout. What only the definition has, the
enumerations of some strings and defaults, is not checked by this.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

ROOT = "V1beta1InferenceService"
KUBERNETES = "/api/_definitions.json#/$defs/"
PLAIN = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "ResourceQuantity": {"$ref": f"{KUBERNETES}io.k8s.apimachinery.pkg.api.resource.Quantity"},
    "V1beta1MetricQuantity": {"$ref": f"{KUBERNETES}io.k8s.apimachinery.pkg.api.resource.Quantity"},
    "V1ObjectMeta": {"$ref": f"{KUBERNETES}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
}


def read_models(wheel: Path) -> dict[str, dict[str, Any]]:
    """Return, for each model, its types by attribute, its JSON names, and which attributes must be there."""
    models = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not re.fullmatch(r"kserve/models/\w+\.py", name):
                continue
            for node in ast.parse(archive.read(name)).body:
                if isinstance(node, ast.ClassDef) and (found := _model(node)):
                    models[node.name] = found
    return models


def derive(models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of an InferenceService."""
    models = {**models, ROOT: _without_status(models[ROOT])}
    definitions: dict[str, Any] = {}
    missing = [ROOT]
    while missing:
        model = models[missing[0]]
        names = model["attribute_map"]
        definitions[missing[0]] = {
            "type": "object",
            "properties": {names[a]: _schema(t, models) for a, t in sorted(model["openapi_types"].items())},
            "required": sorted(names[attribute] for attribute in model["required"]),
            "additionalProperties": False,
        }
        wanted = set(re.findall(r"#/\$defs/(\w+)\"", json.dumps(definitions)))
        missing = sorted((wanted & set(models)) - set(definitions))
    properties = definitions[ROOT]["properties"]
    properties["apiVersion"] = {"const": "serving.kserve.io/v1beta1"}
    properties["kind"] = {"const": "InferenceService"}
    definitions[ROOT]["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://kubernetes.io/api/inferenceservice/serving.kserve.io/v1beta1",
        "$ref": f"#/$defs/{ROOT}",
        "$defs": definitions,
    }


def _model(node: ast.ClassDef) -> dict[str, Any]:
    found: dict[str, Any] = {"required": []}
    for part in node.body:
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            if part.targets[0].id in ("openapi_types", "attribute_map"):
                found[part.targets[0].id] = ast.literal_eval(part.value)
        elif isinstance(part, ast.FunctionDef) and "must not be `None`" in ast.unparse(part):
            found["required"].append(part.name)
    return found if "openapi_types" in found else {}


def _without_status(model: dict[str, Any]) -> dict[str, Any]:
    types = {attribute: kind for attribute, kind in model["openapi_types"].items() if attribute != "status"}
    return {**model, "openapi_types": types}


def _schema(kind: str, models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if kind in PLAIN:
        return PLAIN[kind]
    if listed := re.fullmatch(r"list\[(.+)\]", kind):
        return {"type": "array", "items": _schema(listed[1], models)}
    if mapped := re.fullmatch(r"dict\(str, (.+)\)", kind):
        return {"type": "object", "additionalProperties": _schema(mapped[1], models)}
    if kind in models:
        return {"$ref": f"#/$defs/{kind}"}
    if core := re.fullmatch(r"V1(\w+)", kind):
        return {"$ref": f"{KUBERNETES}io.k8s.api.core.v1.{core[1]}"}
    if other := re.fullmatch(r"K8sIoApi(Apps|Autoscaling)(V\d)(\w+)", kind):
        return {"$ref": f"{KUBERNETES}io.k8s.api.{other[1].lower()}.{other[2].lower()}.{other[3]}"}
    raise SystemExit(f"The type {kind} is new: say in this script what it is.")


if __name__ == "__main__":
    wheel = Path(sys.argv[1])
    source = f"Derived by derive_kserve.py from {wheel.name} on PyPI; (c) The KServe Authors, Apache-2.0."
    print(json.dumps({"$comment": source, **derive(read_models(wheel))}, indent=1))
