"""Judges the exchange's answers by Alpaca's own OpenAPI documents, as the package alpaca-mcp-server ships them.

`conforms(method, path, status, body)` finds the operation and fails with the first things that are wrong. It is
stricter than the documents: keys they do not mention are refused, and keys a client cannot do without are required.
Where the documents themselves are wrong stands in `openapi_amendments`, with reasons.
"""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import jsonschema_rs
from openapi_amendments import (
    ALSO_ADMITTED,
    LEFT_OUT,
    OWN_KEYS,
    REQUIRED_BY_CLIENTS,
    UNDOCUMENTED_KEYS,
    UNDOCUMENTED_SUCCESS,
)

DOCUMENTS = ("trading-api", "market-data-api")
METHODS = ("get", "post", "put", "patch", "delete")
FAULTS_SHOWN = 6
# Crypto pairs travel with their slash: /v2/assets/BTC/USD.
SYMBOL_PARAMETERS = {"symbol_or_asset_id", "symbol_or_contract_id", "symbol_or_id"}
ERROR = {
    "type": "object",
    "required": ["message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string", "minLength": 1}},
}


@dataclass(frozen=True, eq=False)
class Operation:
    """One method of one path of a document; there is one object for each, so identity is equality."""

    document: str
    method: str
    template: str
    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def streams(self) -> bool:
        """Whether its answer is a stream of server-sent events."""
        answers = self.description["responses"].values()
        return any("text/event-stream" in answer.get("content", {}) for answer in answers)


@functools.cache
def published(name: str) -> dict[str, Any]:
    """A document as it was published: `trading-api` or `market-data-api`."""
    package = importlib.util.find_spec("alpaca_mcp_server")
    assert package is not None, "alpaca-mcp-server brings the documents"
    assert package.submodule_search_locations is not None
    folder = Path(next(iter(package.submodule_search_locations)))
    return json.loads((folder / "specs" / f"{name}.json").read_text())  # type: ignore[no-any-return]


@functools.cache
def operations() -> tuple[Operation, ...]:
    """Every method of every path of both documents."""
    return tuple(
        Operation(name, method.upper(), template, item[method])
        for name in DOCUMENTS
        for template, item in published(name)["paths"].items()
        for method in METHODS
        if method in item
    )


def served_operations() -> tuple[Operation, ...]:
    """Those the exchange is to serve: all but the routes left out, whose reasons are in `LEFT_OUT`."""
    return tuple(operation for operation in operations() if operation.template not in LEFT_OUT)


def left_out() -> dict[str, str]:
    """The routes left out, and why."""
    return dict(LEFT_OUT)


def find(method: str, path: str) -> Operation | None:
    """The operation of a request's path, the most literal template first."""
    plain = path.partition("?")[0]
    for pattern, operation in _patterns():
        if operation.method == method.upper() and pattern.fullmatch(plain):
            return operation
    return None


def conforms(
    method: str, path: str, status: int, body: Any, *, query: Mapping[str, Any] | None = None
) -> None:
    """Fails unless an answer is one the document of its route admits. `body` is decoded JSON, None when empty.

    Statuses of 400 and above must carry Alpaca's error object, documented or not. The names in `query` must be
    parameters of the operation: a test with a misspelled one would show nothing.
    """
    operation = find(method, path)
    assert operation is not None, f"{method} {path}: no such operation in Alpaca's documents"
    unknown = set(query or {}) - _parameters(operation)
    assert not unknown, f"{operation.name}: no such query parameters: {sorted(unknown)}"
    faults = list(_faults(operation, status, body))
    shown = "\n  ".join(faults[:FAULTS_SHOWN])
    more = f"\n  … and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
    assert not faults, (
        f"{operation.name} answered {status}, which its document does not admit:\n  {shown}{more}"
    )


def conforms_to(schema: str, value: Any, *, document: str = "trading-api") -> None:
    """Fails unless a value is what a named schema says: for what arrives by stream and not by a route."""
    faults = [_readable(error) for error in _named_validator(document, schema).iter_errors(value)]
    assert not faults, f"not a {schema} of {document}:\n  " + "\n  ".join(faults[:FAULTS_SHOWN])


def _faults(operation: Operation, status: int, body: Any) -> Iterator[str]:
    if status >= 500 and str(status) not in operation.description["responses"]:
        yield f"a failure of the exchange: {body!r}"
    if not _admitted(operation, status):
        yield f"status {status} is not documented ({', '.join(operation.description['responses'])})"
        return
    validator = _validator(operation, status)
    if validator is None:
        if body is not None:
            yield f"a body where none is documented: {body!r}"
        return
    for error in validator.iter_errors(body):
        yield _readable(error)


def _admitted(operation: Operation, status: int) -> bool:
    undocumented = UNDOCUMENTED_SUCCESS.get((operation.method, operation.template), (0, ""))[0]
    return status >= 400 or str(status) in operation.description["responses"] or status == undocumented


def _readable(error: jsonschema_rs.ValidationError) -> str:
    """Where and why; of several alternatives the one that was missed by least."""
    alternatives = getattr(error.kind, "context", None)
    if alternatives and any(alternatives):
        return _readable(min((one for one in alternatives if one), key=len)[0])
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    return f"{place or 'the body'}: {error.message[:400]}"


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], Operation], ...]:
    def literal_first(operation: Operation) -> tuple[int, int]:
        return (operation.template.count("{"), -len(operation.template))

    return tuple(
        (_pattern(operation.template), operation) for operation in sorted(operations(), key=literal_first)
    )


def _pattern(template: str) -> re.Pattern[str]:
    def named(match: re.Match[str]) -> str:
        return "[^/]+(?:/[^/]+)?" if match[1] in SYMBOL_PARAMETERS else "[^/]+"

    pieces = re.split(r"(\{\w+\})", template)
    return re.compile(
        "".join(
            re.sub(r"\{(\w+)\}", named, piece) if piece.startswith("{") else re.escape(piece)
            for piece in pieces
        )
    )


@functools.cache
def _parameters(operation: Operation) -> frozenset[str]:
    document = published(operation.document)
    item = document["paths"][operation.template]
    given = [*item.get("parameters", []), *operation.description.get("parameters", [])]
    resolved = [_at(document, one["$ref"]) if "$ref" in one else one for one in given]
    return frozenset(one["name"] for one in resolved if one["in"] == "query")


def _at(document: Mapping[str, Any], reference: str) -> Any:
    place: Any = document
    for step in reference.removeprefix("#/").split("/"):
        place = place[step]
    return place


@functools.cache
def _validator(operation: Operation, status: int) -> jsonschema_rs.Draft202012Validator | None:
    """Compiled once for each status of an operation; None when the document gives it no body."""
    if status >= 400:
        return jsonschema_rs.Draft202012Validator(ERROR)
    answer = operation.description["responses"].get(str(status), {})
    content = answer.get("content", {})
    if not content:
        return None
    return _compiled(operation.document, next(iter(content.values()))["schema"])


@functools.cache
def _named_validator(document: str, schema: str) -> jsonschema_rs.Draft202012Validator:
    return _compiled(document, {"$ref": f"#/components/schemas/{schema}"})


def _compiled(document: str, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    root = {"allOf": [schema], "components": {"schemas": _strict_schemas(document)}}
    return jsonschema_rs.Draft202012Validator(root, formats=FORMATS, validate_formats=True)


@functools.cache
def _strict_schemas(document: str) -> dict[str, Any]:
    """The document's schemas with the amendments, refusing undocumented keys."""
    schemas = copy.deepcopy(published(document)["components"]["schemas"])
    parts = _parts_of_others(schemas)
    for name, schema in schemas.items():
        properties = schema.get("properties", {})
        for (owner, key), (also, _) in ALSO_ADMITTED.items():
            if owner == name:
                properties[key] = {"anyOf": [properties.get(key, False), also]}
        more = {**UNDOCUMENTED_KEYS.get(name, {}), **OWN_KEYS.get(name, {})}
        properties.update(dict.fromkeys(more, True) | properties)
        _tighten(schema, whole=name not in parts)
        if name in REQUIRED_BY_CLIENTS:
            schema["required"] = sorted({*schema.get("required", ()), *REQUIRED_BY_CLIENTS[name]})
    return schemas


def _parts_of_others(schemas: Mapping[str, Any]) -> set[str]:
    """Schemas that others are composed of: alone they do not know all the keys."""
    found: set[str] = set()

    def walk(value: Any, inside: bool) -> None:
        if isinstance(value, dict):
            if inside and "$ref" in value:
                found.add(value["$ref"].rpartition("/")[2])
            for key, below in value.items():
                walk(below, inside=key == "allOf")
        elif isinstance(value, list):
            for below in value:
                walk(below, inside)

    walk(dict(schemas), inside=False)
    return found


def _tighten(schema: Any, *, whole: bool) -> None:
    """Refuses keys that are not documented, in a schema and in those written inside it."""
    if isinstance(schema, list):
        for one in schema:
            _tighten(one, whole=whole)
    if not isinstance(schema, dict):
        return
    composed = "allOf" in schema
    if whole and ("properties" in schema or composed) and "additionalProperties" not in schema:
        schema["unevaluatedProperties"] = False
    for below in schema.get("properties", {}).values():
        _tighten(below, whole=True)
    for key in ("allOf", "anyOf", "oneOf", "items"):
        _tighten(schema.get(key), whole=key != "allOf")


def _decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite() and "e" not in text.lower()
    except InvalidOperation:
        return False


def _ulid(text: str) -> bool:
    return re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", text) is not None


FORMATS = {"decimal": _decimal, "ulid": _ulid}
