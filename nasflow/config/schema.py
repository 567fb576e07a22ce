"""The JSON Schema of the configuration, for editors: descriptions, ranges, and the options of what is installed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from nasflow import plugins
from nasflow.config.model import SearchConfig
from nasflow.errors import PluginError

# Section, field that names the plugin, and group; the section may be written as that field's bare text.
_NAMED: tuple[tuple[str, str, str, plugins.Group], ...] = (
    ("task", "Named", "name", "tasks"),
    ("strategy", "Named", "name", "strategies"),
    ("space", "SpaceConfig", "family", "families"),
)


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a search's YAML, with the plugins that are installed here."""
    schema = SearchConfig.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A nasflow search"
    definitions = schema["$defs"]
    for section, model, field, group in _NAMED:
        described = schema["properties"][section]
        definition = _picking(definitions[model], field, group, definitions)
        definitions[section] = definition
        schema["properties"][section] = _with_bare(described, section, {"type": "string", "enum": plugins.names(group)})
    del definitions["Named"], definitions["SpaceConfig"]
    schema["properties"]["data"] = _with_bare(schema["properties"]["data"], "DataConfig", {"type": "string"})
    _source_options(definitions)
    objectives = schema["properties"]["objectives"]
    objectives["items"] = {"anyOf": [{"type": "string"}, objectives["items"]]}
    return schema


def _with_bare(described: dict[str, Any], definition: str, bare: dict[str, Any]) -> dict[str, Any]:
    """Let a section be written as a bare string; its description and default stay."""
    kept = {key: value for key, value in described.items() if key in ("description", "default")}
    return {**kept, "anyOf": [bare, {"$ref": f"#/$defs/{definition}"}]}


def _picking(
    definition: dict[str, Any], field: str, group: plugins.Group, definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return a section whose options depend on the plugin that it names."""
    names = plugins.names(group)
    properties = dict(definition["properties"])
    properties[field] = {**properties[field], "enum": names}
    default = properties[field].get("default")
    rules = []
    for name in names:
        options = _options(group, name, definitions)
        if options is not None:
            named = {"properties": {field: {"const": name}}}
            condition = named if name == default else {**named, "required": [field]}
            rules.append({"if": condition, "then": {"properties": {"options": options}}})
    return {**definition, "properties": properties, "allOf": rules}


def _source_options(definitions: dict[str, Any]) -> None:
    rules = []
    for name in plugins.names("sources"):
        options = _options("sources", name, definitions)
        if options is not None:
            condition = {"properties": {"source": {"pattern": f"^{name}:"}}, "required": ["source"]}
            rules.append({"if": condition, "then": {"properties": {"options": options}}})
    definitions["DataConfig"]["allOf"] = rules


def _options(group: plugins.Group, name: str, definitions: dict[str, Any]) -> dict[str, Any] | None:
    """Add the schema of a plugin's options to the definitions, and return a reference; None for a broken plugin."""
    try:
        model = getattr(plugins.load(group, name), "Options", None)
    except PluginError:
        return None
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    prefix = f"{group}.{name}"
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    for inner, definition in schema.pop("$defs", {}).items():
        definitions[f"{prefix}.{inner}"] = definition
    definitions[prefix] = schema
    return {"$ref": f"#/$defs/{prefix}"}
