"""What is wrong with a request, as RFC 9457 says it: ``application/problem+json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """The request cannot be answered; every mistake is named, each with what would be right."""

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(detail for _name, detail in mistakes))
        self.mistakes = tuple(mistakes)

    def body(self, instance: str) -> dict[str, Any]:
        """The problem; ``errors`` has one entry a mistake."""
        errors = [{"parameter": name, "detail": detail} for name, detail in self.mistakes]
        return {
            **problem(400, str(self), instance),
            "type": "urn:driftline:problem:bad-parameter",
            "errors": errors,
        }


def problem(status: int, detail: str, instance: str) -> dict[str, Any]:
    """A problem that its status describes."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": instance}


SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457)",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "What kind of problem: a URI reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what would be right"},
        "instance": {"type": "string", "description": "The path that was asked for"},
        "errors": {
            "type": "array",
            "description": "Each mistake in the parameters",
            "items": {
                "type": "object",
                "required": ["parameter", "detail"],
                "properties": {"parameter": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
"""JSON Schema of a problem."""
