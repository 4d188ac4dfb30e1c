"""The OpenAPI 3.1 document, made of the same declarations that answer."""

from __future__ import annotations

from typing import Any

from driftline.web.api.endpoints import ENDPOINTS, Endpoint
from driftline.web.api.problems import MEDIA_TYPE, SCHEMA
from driftline.web.api.query import Parameter


def document(version: str) -> dict[str, Any]:
    """Every path under ``/api/v1``, with all parameters, answers and problems."""
    names = {e.name: e.name.rstrip("s").capitalize() if e.items else "Status" for e in ENDPOINTS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "driftline", "version": version or "0", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "What the daemon knows, read from its last view. Read only; times are RFC 3339 in UTC.",
        },
        "servers": [{"url": "/"}],
        "paths": {f"/api/v1/{e.name}": {"get": _operation(e, names[e.name])} for e in ENDPOINTS},
        "components": {"schemas": {**{names[e.name]: e.schema for e in ENDPOINTS}, "Problem": SCHEMA}},
    }  # fmt: skip


def _operation(endpoint: Endpoint, name: str) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{name}"}
    answer: dict[str, Any] = {
        "description": "From the last view",
        "content": {
            "application/json": {"schema": {"type": "array", "items": one} if endpoint.items else one}
        },
    }
    if endpoint.items:
        about = 'The next page, as <…>; rel="next"; without it there is no more'
        answer["headers"] = {"Link": {"description": about, "schema": {"type": "string"}}}
    return {
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "parameters": [_parameter(p) for p in endpoint.parameters],
        "responses": {"200": answer, "400": _problem("A parameter is unknown or cannot be read"), "405": _problem("Only GET and HEAD")},
    }  # fmt: skip


def _problem(about: str) -> dict[str, Any]:
    return {
        "description": about,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _parameter(p: Parameter) -> dict[str, Any]:
    schema = {"type": "array", "items": p.schema} if p.repeats else p.schema
    more = {"style": "form", "explode": True} if p.repeats else {}
    about = p.about + ("; given several times, any of the values" if p.repeats else "")
    return {"name": p.name, "in": "query", "required": False, "description": about, "schema": schema, **more}
