"""A scrape of 20 000 series, beside prometheus_client's generate_latest of as many gauges, in one run."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from driftline.metrics.collector import Collector
from driftline.metrics.declarations import FEATURE_STATISTICS
from driftline.metrics.view import DaemonView, ModelView, RuleView, StreamView, WindowView
from driftline.records import Dimension, Evaluation

MODELS, FEATURES, ROUNDS = 20, 108, 15


def view(seed: int) -> DaemonView:
    """Models with many features: nine families of each; new objects each time, as the pipeline makes them."""
    rng = np.random.default_rng(seed)
    windows = [_window(f"model-{number}", rng) for number in range(MODELS)]
    models = [
        ModelView(model=w.model, version="1", tags={"team": "pricing"}, latency_histogram=_latency())
        for w in windows
    ]
    rules = [
        RuleView(rule="f1-low", model=w.model, version="1", severity="critical", value=0.9, threshold=0.92)
        for w in windows
    ]
    return DaemonView(
        streams=(StreamView(name="main", windows=windows, models=models, rules=rules),), version="1"
    )


def _latency() -> tuple[tuple[float, ...], tuple[int, ...], float]:
    return (0.01, 0.1, 1.0), (10, 20, 30), 1.5


def _window(model: str, rng: np.random.Generator) -> WindowView:
    dimensions = tuple(Dimension(feature=f"feature_{k}") for k in range(FEATURES))
    known = np.ones((1, FEATURES), np.bool_)
    evaluations = [
        Evaluation(name, dimensions, rng.random((1, FEATURES)), known.astype(np.int64), known)
        for name in FEATURE_STATISTICS
    ]
    return WindowView(
        model=model, version="1", window="1d", kind="drift", end_ms=0, events=1000, evaluations=evaluations
    )


def client(series: int) -> CollectorRegistry:
    """As many gauges in prometheus_client, with as many labels."""
    registry = CollectorRegistry()
    rng = np.random.default_rng(1)
    gauges = [
        Gauge(f"g{k}", "A gauge", ["model", "version", "window", "feature"], registry=registry)
        for k in range(9)
    ]
    for number in range(series):
        labels = (f"model-{number // 9 // FEATURES}", "1", "1d", f"feature_{number // 9 % FEATURES}")
        gauges[number % 9].labels(*labels).set(rng.random())
    return registry


def seconds(what: Callable[[], object]) -> float:
    """The median of ROUNDS."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        what()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def stall(scrape: Callable[[], object]) -> float:
    """The longest time that a busy thread stands still while others scrape."""
    stop = threading.Event()
    worst = 0.0

    def scrapes() -> None:
        while not stop.is_set():
            scrape()

    scraper = threading.Thread(target=scrapes)
    scraper.start()
    end = time.perf_counter() + 2
    before = time.perf_counter()
    while before < end:
        now = time.perf_counter()
        worst, before = max(worst, now - before), now
    stop.set()
    scraper.join()
    return worst


def main() -> None:
    """Time both, and how long the pipeline's thread would wait."""
    views = [view(seed) for seed in range(ROUNDS + 1)]
    collector = Collector()
    series = sum(not line.startswith(b"#") for line in collector.scrape(views[0]).splitlines())
    turn = iter(range(10**9))
    scrape = lambda: collector.scrape(views[next(turn) % len(views)])  # noqa: E731
    ours, first = seconds(scrape), seconds(lambda: Collector().scrape(views[0]))
    narrow = Collector()
    half = [replace(v, max_series=10_000) for v in views]
    limited = seconds(lambda: narrow.scrape(half[next(turn) % len(half)]))
    registry = client(series)
    theirs = seconds(lambda: generate_latest(registry))
    print(f"{series} series, Python {sys.version.split()[0]}, median of {ROUNDS}")
    print(f"driftline:          {ours * 1e3:7.1f} ms, {ours / series * 1e6:5.2f} us a series")
    print(f"  the first scrape: {first * 1e3:7.1f} ms, {first / series * 1e6:5.2f} us a series")
    print(f"  half suppressed:  {limited * 1e3:7.1f} ms")
    print(
        f"prometheus_client:  {theirs * 1e3:7.1f} ms, {theirs / series * 1e6:5.2f} us a series ({theirs / ours:.1f} times)"
    )
    print(
        f"another thread stands still for at most {stall(scrape) * 1e3:.0f} ms while scrapes follow each other"
    )


if __name__ == "__main__":
    main()
