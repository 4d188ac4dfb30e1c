"""Scrapes while the daemon works: each is one moment, and counters only grow."""

import re
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from driftline.metrics.view import DaemonView, ModelView, StreamView
from driftline.web.server import Server

SCRAPERS, SCRAPES = 4, 25


def moment(n):
    """A view in which every number is the same."""
    stream = StreamView(
        name="main", counters={"events_consumed_total": {("p", "prediction"): n}}, join_pending=n,
        models=[ModelView(model=f"m{k}", version="1", predictions_total=n) for k in range(50)],
    )  # fmt: skip
    return DaemonView(streams=(stream,), outbox_pending=n, triggers_total={("r", "m0", "1", "critical"): n})


NAMES = r"(?:model_predictions_total|events_consumed_total|join_pending_events|outbox_pending_events|triggers_total)"


def numbers(address):
    """All those numbers of one scrape."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return [int(value) for value in re.findall(rf"^driftline_{NAMES}\S* (\d+)$", text, re.MULTILINE)]


def test_a_scrape_shows_one_moment():
    """Fault 71: views change under scrapes that overlap; none mixes two of them, and no counter goes back."""
    now = [moment(0)]
    stop = threading.Event()

    def work():
        n = 0
        while not stop.is_set():
            n += 1
            now[0] = moment(n)

    server = Server(lambda: now[0], "127.0.0.1", 0)
    server.start()
    worker = threading.Thread(target=work)
    worker.start()
    try:
        address = f"http://127.0.0.1:{server.port}"
        with ThreadPoolExecutor(SCRAPERS) as pool:
            seen = list(pool.map(lambda _k: [numbers(address) for _ in range(SCRAPES)], range(SCRAPERS)))
    finally:
        stop.set()
        worker.join()
        server.stop()
    for scrapes in seen:
        assert {54} == {len(scrape) for scrape in scrapes}
        assert {1} == {len(set(scrape)) for scrape in scrapes}
        firsts = [scrape[0] for scrape in scrapes]
        assert sorted(firsts) == firsts
        assert firsts[0] < firsts[-1]
