"""The HTTP application and the thread that serves it; it only reads views and holds up no pipeline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from driftline.errors import UsageError
from driftline.metrics.collector import Collector
from driftline.metrics.render import OPENMETRICS, TEXT
from driftline.metrics.view import DaemonView
from driftline.web import api, page
from driftline.web.health import readiness

View = Callable[[], DaemonView]
Reload = Callable[[], Sequence[str]]
"""Reads the configuration again; returns its problems, none when it is in force."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_CONNECTIONS = 64
_STOP_S = 5.0


def _json(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, dict(_HEADERS), "application/json")


def application(view: View, reload: Reload | None = None, collector: Collector | None = None) -> Starlette:
    """The routes over a view. Handlers run in threads; scrapes one at a time."""
    routes = [
        Route("/metrics", _metrics(view, collector or Collector())),
        Route("/-/healthy", lambda _request: PlainTextResponse("healthy\n")),
        Route("/-/ready", _ready(view)),
        Route("/-/reload", _reload(reload), methods=["POST"]),
        Route("/", _page(view)),
        Route("/api/v1/openapi.json", lambda _request: _json(api.openapi(view().version))),
        *(Route(f"/api/v1/{name}", _endpoint(view, answer)) for name, answer in api.ENDPOINTS.items()),
    ]
    return Starlette(
        routes=routes, middleware=[Middleware(GZipMiddleware, minimum_size=1024, compresslevel=1)]
    )


Handler = Callable[[Request], Response]


def _metrics(view: View, collector: Collector) -> Handler:
    turn = threading.Lock()

    def metrics(request: Request) -> Response:
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        with turn:
            text = collector.scrape(view(), openmetrics=openmetrics)
        return Response(text, headers={**_HEADERS, "Content-Type": OPENMETRICS if openmetrics else TEXT})

    return metrics


def _ready(view: View) -> Handler:
    def ready(_request: Request) -> Response:
        status, body = readiness(view())
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
    def show(_request: Request) -> Response:
        return HTMLResponse(page.render(view()), headers={**_HEADERS, "Content-Security-Policy": page.POLICY})

    return show


def _endpoint(view: View, answer: Callable[[DaemonView, api.Query], Any]) -> Handler:
    def endpoint(request: Request) -> Response:
        return _json(answer(view(), request.query_params))

    return endpoint


class Server:
    """Serves the routes over a view from a thread of its own. Port 0 takes a free one."""

    def __init__(self, view: View, host: str, port: int, reload: Reload | None = None) -> None:
        self._socket = _bind(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        config = uvicorn.Config(
            application(view, reload),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=16 * 1024,
            http="h11",
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
