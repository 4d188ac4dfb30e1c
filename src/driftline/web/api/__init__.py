"""The view as JSON: what ``/api/v1`` answers, what it refuses and why, and its OpenAPI document."""

from driftline.web.api.endpoints import ENDPOINTS, Endpoint
from driftline.web.api.openapi import document

__all__ = ["ENDPOINTS", "Endpoint", "document"]
