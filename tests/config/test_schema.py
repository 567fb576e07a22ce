"""The JSON Schema for editors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nasflow import plugins
from nasflow.config.schema import json_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


def definition_of(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """Return what a property refers to; pydantic leaves a description out that says the same."""
    definition: dict[str, Any] = schema["$defs"].get(described.get("$ref", "").removeprefix("#/$defs/"), {})
    return definition


def test_it_is_json_and_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    json.dumps(schema)
    found = references(schema)
    assert found
    assert {reference.removeprefix("#/$defs/") for reference in found} <= set(schema["$defs"])


def test_every_definition_is_used(schema: dict[str, Any]) -> None:
    assert set(schema["$defs"]) == {reference.removeprefix("#/$defs/") for reference in references(schema)}


def test_every_field_is_described(schema: dict[str, Any]) -> None:
    bare = [
        f"{name}.{field}"
        for name, definition in [("search", schema), *schema["$defs"].items()]
        for field, described in definition.get("properties", {}).items()
        if not (described.get("description") or definition_of(schema, described).get("description"))
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("section", "field", "group"),
    [("task", "name", "tasks"), ("strategy", "name", "strategies"), ("space", "family", "families")],
)
def test_plugins_are_offered_by_name_bare_or_with_options(
    schema: dict[str, Any], section: str, field: str, group: plugins.Group
) -> None:
    bare, full = schema["properties"][section]["anyOf"]
    assert bare == {"type": "string", "enum": plugins.names(group)}
    definition = schema["$defs"][full["$ref"].removeprefix("#/$defs/")]
    assert definition["properties"][field]["enum"] == plugins.names(group)
    rules = {rule["if"]["properties"][field]["const"]: rule["then"] for rule in definition["allOf"]}
    assert set(rules) == set(plugins.names(group))


def test_options_of_a_plugin_are_documented(schema: dict[str, Any]) -> None:
    options = schema["$defs"]["strategies.evolution"]["properties"]["population_size"]
    assert options["minimum"] == 2
    assert options["description"]
    assert schema["$defs"]["strategies.evolution"]["additionalProperties"] is False


def test_the_default_family_needs_no_name_to_have_its_options(schema: dict[str, Any]) -> None:
    rules = {rule["if"]["properties"]["family"]["const"]: rule["if"] for rule in schema["$defs"]["space"]["allOf"]}
    assert "required" not in rules["cnn"]
    assert rules["cell"]["required"] == ["family"]


def test_sources_have_their_options_by_prefix(schema: dict[str, Any]) -> None:
    rules = schema["$defs"]["DataConfig"]["allOf"]
    assert {rule["if"]["properties"]["source"]["pattern"] for rule in rules} == {
        f"^{source}:" for source in ("folder", "npz", "s3", "sklearn", "torchvision")
    }


def test_data_and_objectives_may_be_bare(schema: dict[str, Any]) -> None:
    assert {"type": "string"} in schema["properties"]["data"]["anyOf"]
    assert {"type": "string"} in schema["properties"]["objectives"]["items"]["anyOf"]


def test_required_and_closed(schema: dict[str, Any]) -> None:
    assert schema["required"] == ["name", "data"]
    assert schema["additionalProperties"] is False


@pytest.mark.usefixtures("toy_parts")
def test_a_strangers_options_are_in_it_and_a_broken_part_breaks_nothing() -> None:
    schema = json_schema()
    assert schema["$defs"]["strategies.toy"]["properties"]["pool"]["maximum"] == 64
    assert "torn" in schema["properties"]["strategy"]["anyOf"][0]["enum"]
    assert "strategies.torn" not in schema["$defs"]
