"""The OpenAPI page, made of the routes themselves."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ingest.calls import encode_json
from ingest.idempotency import KEY_CHARACTERS_MAX
from ingest.problems import PROBLEMS, Problem
from ingest.routes import Route

VERSION: Final = "3.1.0"
REF: Final = "#/components/schemas/{name}"
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and body within 24 hours get the first answer; another body is refused.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS_MAX},
}
"""Of every POST but those of messages, which have client_id instead."""
_PARAMETER: Final = re.compile(r"{(\w+)(:int)?}")


def page_of(routes: Sequence[Route]) -> "type[Response] | Any":
    """What answers /openapi.json."""
    page = encode_json(document(routes))

    async def openapi(_: Request) -> Response:
        return Response(page, media_type="application/json")

    return openapi


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    shapes = [shape for r in routes for shape in (r.body, r.query, r.answer) if shape is not None] + [Problem]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=REF)
    schema_of = dict(zip(shapes, schemas, strict=True))
    queries = {shape.__name__ for r in routes if (shape := r.query) is not None}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = operation(route, schema_of, components)
    return {
        "openapi": VERSION,
        "info": {
            "title": "timingle",
            "version": "1",
            "description": "Errors are problem details (RFC 9457). Times are RFC 3339 with zone.",
        },
        "security": [{"client": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {"client": {"type": "http", "scheme": "bearer", "description": "The calling app's key"}},
        },
    }


def operation(route: Route, schema_of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    """One call."""
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1} if is_int else {"type": "string", "format": "uuid"},
        }
        for name, is_int in _PARAMETER.findall(route.path)
    ]
    if route.query is not None:
        shape = components[route.query.__name__]
        parameters += [
            {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": schema}
            for name, schema in shape["properties"].items()
        ]
    if route.method == "POST" and route.scope is not None and not route.scope.startswith("messages"):
        parameters.append(IDEMPOTENCY_KEY)
    described: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": route.summary,
        "description": f"Needs the scope {route.scope}." if route.scope else "Asks for no key.",
        "tags": [route.scope.partition(":")[0] if route.scope else "webhooks"],
        "parameters": parameters,
        "responses": {str(int(route.status)): answer_of(route, schema_of), **problems(schema_of[Problem])},
    }
    if route.scope is None:
        described["security"] = []
        described["requestBody"] = {"required": True, "content": {"application/json": {}}}
    if route.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[route.body]}},
        }
    return described


def answer_of(route: Route, schema_of: dict[Any, Any]) -> dict[str, Any]:
    """What a call answers when all is well."""
    described: dict[str, Any] = {"description": route.status.phrase}
    if route.answer is not None:
        described["content"] = {"application/json": {"schema": schema_of[route.answer]}}
    elif route.file_type:
        described["content"] = {route.file_type: {}}
    return described


def problems(schema: dict[str, Any]) -> dict[str, Any]:
    """What any call may answer when all is not well."""
    content = {"application/problem+json": {"schema": schema}}
    statuses = sorted({status for status, _ in PROBLEMS.values()})
    return {str(int(status)): {"description": status.phrase, "content": content} for status in statuses}
