"""The page's own files: style sheet and icon, read once, with an ETag so that a browser keeps them."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES = {"driftline.css": "text/css; charset=utf-8", "driftline.svg": "image/svg+xml"}


def routes(headers: dict[str, str]) -> list[Route]:
    """``/static/…``, a route a file; nothing else of the disk can be reached."""
    return [_route(name, media_type, headers) for name, media_type in _TYPES.items()]


def _route(name: str, media_type: str, headers: dict[str, str]) -> Route:
    body = files("driftline.web").joinpath("static", name).read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    given = {**headers, "Cache-Control": "no-cache", "ETag": etag}

    def asset(request: Request) -> Response:
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=given)
        return Response(body, headers={**given, "Content-Type": media_type})

    return Route(f"/static/{name}", asset)
