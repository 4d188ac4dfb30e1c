"""The daemon on the fakes: the events that it published are in its view, and still after a restart."""

from __future__ import annotations

import json
import time
from pathlib import Path

import structlog

from driftline.app import Daemon, Runner
from driftline.app.showing import Pace
from driftline.config.parse import load_config
from driftline.records import Kind
from driftline.store.sqlite import SqliteStore
from driftline.testing.publisher import FakePublisher
from driftline.testing.source import FakeSource
from driftline.wiring import build_engine

CONFIG = """
kafka: {bootstrap_servers: "localhost:9092"}
streams:
  s: {predictions: [p], labels: [], time: {step: 1m, out_of_orderness: 0s, max_skew: 10d}}
models:
  - {match: m, stream: s, task: binary, positive: "1", windows: {drift: [1h], performance: []}, labels: none}
state: {path: state.db}
rules:
  - {name: busy, models: m, when: {metric: throughput, window: 1h, above: 0}}
"""
HOUR = 3_600_000
START = 500_000 * HOUR


def daemon(folder: Path, source: FakeSource, publisher: FakePublisher) -> Daemon:
    """One that has restored its state."""
    path = folder / "config.yaml"
    path.write_text(CONFIG)
    config = load_config(path, {})
    runners = [Runner("s", source, build_engine(config, config.streams[0]), kinds={"p": "prediction"})]
    store = SqliteStore.open(Path(config.state_path))
    made = Daemon(config, runners, store, publisher, structlog.get_logger(), wall=lambda: START / 1000)
    made.restore()
    return made


def test_counters_are_those_of_the_last_commit_and_begin_at_zero(tmp_path):
    """§8: after a crash they never go back; and the first commit is an increase, which a rate can see."""
    source = FakeSource({"p": Kind.PREDICTION})
    made = daemon(tmp_path, source, FakePublisher())
    event = {
        "prediction_id": "1",
        "model": "m",
        "version": "1",
        "time": START,
        "prediction": "1",
        "latency_ms": 5,
    }
    source.append("p", 0, json.dumps(event).encode(), START)
    made._turn(made.runners[0], 0)
    shown = []
    for act in (lambda: None, made.commit):
        act()
        made.refresh_view(force=True)
        (model,) = made.view.streams[0].models
        consumed = made.view.streams[0].counters["events_consumed_total"]["p", "prediction"]
        shown.append(
            (consumed, model.predictions_total, model.latency_histogram[1][-1], model.latency_histogram[2])
        )
    assert [(0, 0, 0, 0.0), (1, 1, 1, 0.005)] == shown


def test_published_events_are_shown_and_survive_a_restart(tmp_path):
    """The same events, newest first, from the state file."""
    source, publisher = FakeSource({"p": Kind.PREDICTION}), FakePublisher()
    for number in range(6):
        event = {
            "prediction_id": str(number),
            "model": "m",
            "version": "1",
            "time": START + number * 600_000,
            "prediction": "1",
        }
        source.append("p", 0, json.dumps(event).encode(), START + number * 600_000)
    first = daemon(tmp_path, source, publisher)
    first.tick(0)
    first.refresh_view(force=True)
    shown = first.view.triggers
    first.stop()
    again = daemon(tmp_path, source, publisher)
    again.refresh_view(force=True)
    assert ["alert.fired"] == [t.type for t in shown]
    assert shown == again.view.triggers
    again.stop()


def test_views_that_take_long_are_made_more_rarely(tmp_path):
    """A fifth of the loop's time at most, and never older than five seconds."""
    made = daemon(tmp_path, FakeSource({"p": Kind.PREDICTION}), FakePublisher())
    kept = []
    for took_s, age_s in ((0.01, 2), (0.6, 2), (0.6, 4), (60, 4), (60, 6)):
        before = made.view
        made._pace = Pace(time.monotonic() - age_s, took_s)
        made.refresh_view()
        kept.append(made.view is before)
    assert [False, True, False, True, False] == kept
    made.stop()
