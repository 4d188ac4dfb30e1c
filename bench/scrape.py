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

ROUNDS = 15
SHAPES = ((20, 108), (300, 4))
"""(models, features of each): few with many, and many with few."""


def view(seed: int, models_: int, features: int) -> DaemonView:
    """Models with many features: nine families of each; new objects each time, as the pipeline makes them."""
    rng = np.random.default_rng(seed)
    windows = [_window(f"model-{number}", features, rng) for number in range(models_)]
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


def _window(model: str, features: int, rng: np.random.Generator) -> WindowView:
    dimensions = tuple(Dimension(feature=f"feature_{k}") for k in range(features))
    known = np.ones((1, features), np.bool_)
    evaluations = [
        Evaluation(name, dimensions, rng.random((1, features)), known.astype(np.int64), known)
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
        labels = (f"model-{number // 9 // 108}", "1", "1d", f"feature_{number // 9 % 108}")
        gauges[number % 9].labels(*labels).set(rng.random())
    return registry


def seconds(what: Callable[[], object]) -> float:
    """CPU time, the median of ROUNDS: other work on the machine does not count."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        what()
        times.append(time.thread_time() - start)
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


def measure(models: int, features: int) -> None:
    """Time both, and how long the pipeline's thread would wait."""
    views = [view(seed, models, features) for seed in range(ROUNDS + 1)]
    collector, narrow = Collector(), Collector()
    series = sum(not line.startswith(b"#") for line in collector.scrape(views[0]).splitlines())
    turn = iter(range(10**9))
    scrape = lambda: collector.scrape(views[next(turn) % len(views)])  # noqa: E731
    ours, first = seconds(scrape), seconds(lambda: Collector().scrape(views[0]))
    half = [replace(v, max_series=10_000) for v in views]
    limited = seconds(lambda: narrow.scrape(half[next(turn) % len(half)]))
    registry = client(series)
    theirs = seconds(lambda: generate_latest(registry))

    def each(spent: float) -> str:
        return f"{spent * 1e3:7.1f} ms, {spent / series * 1e6:5.2f} us a series"

    print(f"{models} models of {features} features: {series} series; CPU time, median of {ROUNDS}")
    print(f"  driftline:         {each(ours)}")
    print(f"  the first scrape:  {each(first)}")
    print(f"  half suppressed:   {limited * 1e3:7.1f} ms")
    print(f"  prometheus_client: {each(theirs)}: {theirs / ours:.1f} times")
    print(
        f"  another thread stands still for at most {stall(scrape) * 1e3:.0f} ms while scrapes follow each other"
    )


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}")
    for shape in SHAPES:
        measure(*shape)
