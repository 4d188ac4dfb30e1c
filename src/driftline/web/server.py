"""The HTTP application and the thread that serves it; it only reads views and holds up no pipeline."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from driftline.errors import UsageError
from driftline.metrics.collector import Collector
from driftline.metrics.render import OPENMETRICS, TEXT
from driftline.metrics.view import DaemonView
from driftline.web import api, assets, page
from driftline.web.api.problems import MEDIA_TYPE, Refused, problem
from driftline.web.connections import Bounded
from driftline.web.health import readiness
from driftline.web.process import process_values

View = Callable[[], DaemonView]
Reload = Callable[[], Sequence[str]]
"""Reads the configuration again; returns its problems, none when it is in force."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_CONNECTIONS = 64
_PAGES_KEPT = 16
_STOP_S = 5.0


def _json(body: Any, status: int = 200, media_type: str = "application/json", **headers: str) -> Response:
    try:
        content = msgspec.json.encode(body)
    except UnicodeEncodeError:
        content = msgspec.json.encode(_encodable(msgspec.to_builtins(body)))
    return Response(content, status, {**_HEADERS, **headers}, media_type)


def _encodable(value: Any) -> Any:
    """Lone surrogates, which JSON text allows and UTF-8 does not, as question marks: as ``/metrics`` does."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(k): _encodable(v) for k, v in value.items()}
    return [_encodable(v) for v in value] if isinstance(value, list | tuple) else value


def application(view: View, reload: Reload | None = None, collector: Collector | None = None) -> Starlette:
    """The routes over a view. Handlers run in threads; scrapes one at a time."""
    routes = [
        Route("/metrics", _metrics(view, collector or Collector())),
        Route("/-/healthy", lambda _request: PlainTextResponse("healthy\n")),
        Route("/-/ready", _ready(view)),
        Route("/-/reload", _reload(reload), methods=["POST"]),
        Route("/", _page(view)),
        *assets.routes(_HEADERS),
        Route("/api/v1/openapi.json", lambda _request: _json(api.document(view().version))),
        *(Route(f"/api/v1/{endpoint.name}", _endpoint(view, endpoint)) for endpoint in api.ENDPOINTS),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=1024, compresslevel=1)],
        exception_handlers={HTTPException: _http_problem, Refused: _refused, Exception: _unexpected},
    )


def _http_problem(request: Request, error: Exception) -> Response:
    """404 and 405, with what there is instead."""
    assert isinstance(error, HTTPException)  # noqa: S101
    path = request.url.path
    if error.status_code == 404:
        known = ", ".join(f"/api/v1/{e.name}" for e in api.ENDPOINTS)
        detail = f"there is nothing at {path}; the API has {known} and /api/v1/openapi.json"
    else:
        allowed = (error.headers or {}).get("Allow", "GET")
        detail = f"{path} does not take {request.method}, only {allowed}"
    return _problem(problem(error.status_code, detail, path), **(error.headers or {}))


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101
    return _problem(error.body(request.url.path))


def _unexpected(request: Request, _error: Exception) -> Response:
    """A defect of ours: nothing of the inside is told."""
    return _problem(problem(500, "driftline could not answer; its log says more", request.url.path))


def _problem(body: dict[str, Any], **headers: str) -> Response:
    return _json(body, body["status"], MEDIA_TYPE, **headers)


Handler = Callable[[Request], Response]


def _metrics(view: View, collector: Collector) -> Handler:
    turn = threading.Lock()

    def metrics(request: Request) -> Response:
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        with turn:
            text = collector.scrape(view(), openmetrics=openmetrics, process=process_values())
        return Response(text, headers={**_HEADERS, "Content-Type": OPENMETRICS if openmetrics else TEXT})

    return metrics


def _ready(view: View) -> Handler:
    def ready(_request: Request) -> Response:
        status, body = readiness(view(), time.time_ns() // 1_000_000)
        return _json(body, status)

    return ready


def _reload(reload: Reload | None) -> Handler:
    def handle(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _json({"reloaded": False, "problems": ["not from another site"]}, 403)
        if reload is None:
            return _json({"reloaded": False, "problems": ["reloading is not available"]}, 501)
        problems = list(reload())
        return _json({"reloaded": not problems, "problems": problems}, 400 if problems else 200)

    return handle


def _page(view: View) -> Handler:
    """One page at a time, and the page of one view once: a flood of readers holds up no pipeline."""
    turn, made = threading.Lock(), _Made()

    def show(request: Request) -> Response:
        given = request.query_params
        live = given.get("live") == "1"
        asked = page.Asked(
            model=given.get("model"), version=given.get("version"), tag=given.get("tag"), live=live
        )
        with turn:
            now = view()
            body = made.of(now, asked)
        refresh = {"Refresh": str(page.LIVE_S)} if live else {}
        headers = {**_HEADERS, **refresh, "Content-Security-Policy": page.POLICY}
        return HTMLResponse(body, 200 if asked.is_there(now) else 404, headers)

    return show


@dataclass(slots=True)
class _Made:
    """The pages that were made of the last view."""

    view: DaemonView | None = None
    bodies: dict[page.Asked, str] = field(default_factory=dict)

    def of(self, view: DaemonView, asked: page.Asked) -> str:
        """A page of a view; made if it is the first time."""
        if view is not self.view or len(self.bodies) >= _PAGES_KEPT:
            self.view, self.bodies = view, {}
        if asked not in self.bodies:
            self.bodies[asked] = page.render(view, asked)
        return self.bodies[asked]


def _endpoint(view: View, endpoint: api.Endpoint) -> Handler:
    def answer(request: Request) -> Response:
        asked = request.query_params
        body, cursor = endpoint.answer(view(), asked.multi_items())
        if cursor is None:
            return _json(body)
        following = [(k, v) for k, v in asked.multi_items() if k != "cursor"]
        url = f"{request.url.path}?{urlencode([*following, ('cursor', cursor)], errors='replace')}"
        return _json(body, Link=f'<{url}>; rel="next"')

    return answer


class Server:
    """Serves the routes over a view from a thread of its own. Port 0 takes a free one."""

    def __init__(self, view: View, host: str, port: int, reload: Reload | None = None) -> None:
        self._socket = _bind(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        config = uvicorn.Config(
            application(view, reload),
            log_config=None,
            access_log=False,
            log_level="error",  # not a line for whatever else is sent to this port
            lifespan="off",
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=16 * 1024,
            http=Bounded,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="driftline-http", daemon=True)

    def start(self) -> None:
        """Starts to serve; ``host`` and ``port`` are the real ones. The socket listens from the beginning."""
        self._thread.start()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Stops to serve, within a few seconds."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._socket.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"http.listen: {host}:{port} cannot be listened on: {error.strerror or error}"
        ) from error
    return listener
