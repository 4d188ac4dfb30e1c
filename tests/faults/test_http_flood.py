"""Clients that flood, hold their place, send too much or do not read: limits hold, and the pipeline goes on."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from driftline.metrics.view import DaemonView, ModelView, StreamView
from driftline.web.connections import Bounded
from driftline.web.server import Server
from tests.faults.test_kafka_daemon import Site, site

__all__ = ["site"]
PLACES = 64
LIFE_S = 0.5
VIEW = DaemonView(
    streams=(StreamView(name="s", models=[ModelView(model=f"m{k}", version="1") for k in range(5000)]),)
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One whose connections live for half a second, and whose scrape is larger than a socket's buffers."""
    monkeypatch.setattr(Bounded, "LIFE_S", LIFE_S)
    made = Server(lambda: VIEW, "127.0.0.1", 0)
    made.start()
    yield made
    made.stop()


def status(port: int, path: str = "/-/healthy", headers: dict[str, str] | None = None) -> int:
    """What one request is answered with; 0: the connection was ended."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return answer.status


def half(port: int) -> socket.socket:
    """A client that never ends its request."""
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    return client


def rest(client: socket.socket) -> int:
    """How many bytes still come until the server ends the connection."""
    size = 0
    try:
        while piece := client.recv(1 << 16):
            size += len(piece)
    except ConnectionResetError:
        pass
    return size


def test_clients_that_hold_their_places_lose_them(server: Server) -> None:
    """Fault 70: with every place taken by half a request others are refused at once, and served soon after."""
    slow = [half(server.port) for _ in range(PLACES)]
    try:
        end = time.monotonic() + 10
        while status(server.port) != 503:
            assert time.monotonic() < end, "the last of them is not there yet"
        assert [0] * PLACES == [rest(client) for client in slow]
        assert 200 == status(server.port)
    finally:
        for client in slow:
            client.close()


def test_a_client_that_drips_its_request_is_no_exception(server: Server) -> None:
    """Fault 70: a byte now and then buys no time."""
    client = half(server.port)
    with pytest.raises(OSError, match=r"Broken pipe|reset"):  # noqa: PT012 - it is one of these
        for _ in range(200):
            client.sendall(b"x")
            time.sleep(0.05)
    client.close()


def test_a_client_that_does_not_read_is_ended(server: Server) -> None:
    """Fault 70: an answer that nobody takes is thrown away."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(10)
    client.connect(("127.0.0.1", server.port))
    asked = 40
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * asked)
    whole = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    whole.request("GET", "/metrics")
    size = len(whole.getresponse().read())
    whole.close()
    time.sleep(4 * LIFE_S)
    assert rest(client) < asked * size
    client.close()


def test_headers_without_end_are_refused(server: Server) -> None:
    """Fault 70: no more is held for a request than what one read brings."""
    assert status(server.port, headers={"X-Long": "x" * 2_000_000}) in (0, 400, 431)
    assert 200 == status(server.port)


def test_a_flood_of_scrapes_changes_nothing_that_is_counted(site: Site) -> None:
    """Fault 70: all that is sent meanwhile is counted, and every request is answered or refused."""
    daemon = site.start()
    server = Server(lambda: daemon.view, "127.0.0.1", 0)
    server.start()
    ended, answers = threading.Event(), Counter[int]()

    def flood() -> None:
        while not ended.is_set():
            answers[status(server.port, "/metrics")] += 1

    with ThreadPoolExecutor(16) as pool:
        try:
            for _ in range(16):
                pool.submit(flood)
            for n in range(1, 21):
                site.write("one", 100)
                site.until(lambda n=n: site.counted("one") == 100 * n, 60)
        finally:
            ended.set()
    server.stop()
    assert {200} <= answers.keys() <= {200, 503}, json.dumps(answers)
    assert answers[200] >= 20
