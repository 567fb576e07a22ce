"""The API's published schema, as kfp_server_api carries it: which requests there are, and what they may hold."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import kfp_server_api
from kfp_server_api import api as services
from kfp_server_api import models

_PATH = re.compile(r"'(/apis/[^']+)', '([A-Z]+)'")
_QUERY = re.compile(r"query_params\.append\(\('([^']+)'")
_BODY = re.compile(r"body_params = local_var_params\['([^']+)'\]")
_FILE = re.compile(r"local_var_files\['([^']+)'\]")
_TYPE = re.compile(r":type (\w+): ([^\s,]+)")

_WHOLE_NUMBERS = {"max_concurrency", "interval_second", "long_value"}
"""64-bit numbers, which JSON carries as texts; the server takes both."""

_GIVEN_BY_SERVER = {
    "run_id",
    "recurring_run_id",
    "created_at",
    "updated_at",
    "finished_at",
    "scheduled_at",
    "state",
    "state_history",
    "run_details",
    "error",
    "last_run_created_at",
    "status",
    "plugins_output",
}


class SchemaError(Exception):
    """A request that the schema does not know."""


@dataclass(frozen=True)
class Operation:
    """A request that the API answers.

    Attributes:
        name: As in `create_run`.
        method: Of HTTP.
        path: Template, as in `/apis/v2beta1/runs/{run_id}`.
        pattern: Matches the paths that it is asked by.
        query: Types of its query parameters.
        body: Model of its body, or empty.
        file: Name of the file that it takes, or empty.
    """

    name: str
    method: str
    path: str
    pattern: re.Pattern[str]
    query: Mapping[str, str]
    body: str
    file: str

    def check_query(self, given: Mapping[str, list[str]]) -> dict[str, str]:
        """Return the query parameters.

        Raises:
            SchemaError: One is unknown, given twice, or of another type.
        """
        for key, values in given.items():
            if key not in self.query:
                raise SchemaError(f"{self.name} has no parameter {key}")
            if len(values) > 1:
                raise SchemaError(f"{self.name}: {key} is given {len(values)} times")
            if self.query[key] == "int" and not values[0].isdigit():
                raise SchemaError(f"{self.name}: {key} is a number")
        return {key: values[0] for key, values in given.items()}


@cache
def operations() -> tuple[Operation, ...]:
    """Return every request of the API, those with the most specific paths first; they are looked up once a process."""
    found = [
        operation
        for name, service in vars(services).items()
        if name.endswith("ServiceApi")
        for operation in _of_service(service)
    ]
    return tuple(sorted(found, key=lambda each: (each.path.count("{"), -len(each.path))))


def _of_service(service: type) -> Iterator[Operation]:
    for name, function in inspect.getmembers(service, inspect.isfunction):
        source = inspect.getsource(function)
        place = _PATH.search(source)
        if not name.endswith("_with_http_info") or place is None:
            continue
        types = dict(_TYPE.findall(function.__doc__ or ""))
        body, file = _BODY.search(source), _FILE.search(source)
        pieces = enumerate(re.split(r"\{([^}]+)\}", place[1]))  # fixed ones, and names of parameters at odd places
        parts = (f"(?P<{each.replace('.', '_')}>[^/:]+)" if odd % 2 else re.escape(each) for odd, each in pieces)
        yield Operation(
            name=name.removesuffix("_with_http_info").rpartition("_service_")[2],
            method=place[2],
            path=place[1],
            pattern=re.compile("".join(parts) + r"\Z"),
            query={key: types.get(key, "str") for key in _QUERY.findall(source)},
            body=types[body[1]] if body else "",
            file=file[1] if file else "",
        )


def check(model: str, document: Any, place: str = "") -> None:
    """Refuse a document of a request that its model does not describe, or that sets what the server sets.

    Raises:
        SchemaError: It has an unknown field, or a value of another type.
    """
    if model.startswith("list["):
        _need(isinstance(document, list), place, "a list")
        for number, item in enumerate(document):
            check(model[5:-1], item, f"{place}[{number}]")
    elif model.startswith("dict("):
        _need(isinstance(document, dict), place, "an object")
        for key, item in document.items():
            check(model.partition(", ")[2][:-1], item, f"{place}.{key}")
    elif hasattr(models, model):
        _check_model(getattr(models, model), document, place)
    else:
        _check_plain(model, document, place)


def _check_model(model: Any, document: Any, place: str) -> None:
    if not model.openapi_types:  # an enumeration
        _need(document in model.allowable_values, place, f"one of {model.allowable_values}")
        return
    _need(isinstance(document, dict), place, "an object")
    for key, value in document.items():
        name = next((name for name, shown in model.attribute_map.items() if shown == key), None)
        if name is None:
            raise SchemaError(f"{place or model.__name__} has no field {key}")
        if key in _GIVEN_BY_SERVER:
            raise SchemaError(f"{place}.{key} is set by the server alone")
        if key in _WHOLE_NUMBERS and isinstance(value, int):
            continue
        check(model.openapi_types[name], value, f"{place}.{key}")


def _check_plain(model: str, value: Any, place: str) -> None:
    if model == "datetime":
        _need(isinstance(value, str) and _moment(value), place, "a time as in RFC 3339")
        return
    kinds: dict[str, type | tuple[type, ...]] = {"str": str, "bool": bool, "int": int, "float": (int, float)}
    _need(isinstance(value, kinds.get(model, object)), place, model)


def _moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _need(fulfilled: object, place: str, what: str) -> None:
    if not fulfilled:
        raise SchemaError(f"{place} is not {what}")


def check_filter(text: str, fields: set[str]) -> list[tuple[str, str]]:
    """Return the fields and texts of a filter of predicates that say `equals`.

    Raises:
        SchemaError: It is no filter, or one by a field that cannot be filtered by.
    """
    document = kfp_server_api.ApiClient().sanitize_for_serialization(_json(text))
    snake = {"stringValue": "string_value", "intValue": "int_value"}
    predicates = [
        {snake.get(key, key): value for key, value in predicate.items()} for predicate in document["predicates"]
    ]
    check("V2beta1Filter", {**document, "predicates": predicates}, "filter")
    for predicate in predicates:
        if predicate["key"] not in fields:
            raise SchemaError(f"filter: no field {predicate['key']} to filter by")
        if predicate["operation"] != "EQUALS":
            raise SchemaError("filter: this server knows EQUALS alone")
    return [(predicate["key"], predicate["string_value"]) for predicate in predicates]


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SchemaError("filter is no JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("predicates"), list):
        raise SchemaError("filter has no predicates")
    return document
