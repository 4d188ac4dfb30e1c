"""The daemon on the fakes: the events that it published are in its view, and still after a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from driftline.app import Daemon, Runner
from driftline.app.showing import Pace
from driftline.config.parse import load_config
from driftline.metrics.view import DaemonView
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
"""
BUSY = "  - {name: busy, models: m, when: {metric: throughput, window: 1h, above: 0}}\n"
HOUR = 3_600_000
START = 500_000 * HOUR


SILENT = "  - {name: silent, models: m, when: {no_events_for: 2h}}\n"


def event(number: int, time_ms: int) -> bytes:
    """A prediction."""
    place = {"prediction_id": str(number), "model": "m", "version": "1"}
    return json.dumps({**place, "time": time_ms, "prediction": "1"}).encode()


def daemon(
    folder: Path, source: FakeSource, publisher: FakePublisher, *, restore: bool = True,
    wall: Callable[[], float] = lambda: START / 1000, rules: str = BUSY,
) -> Daemon:  # fmt: skip
    """One that has restored its state."""
    path = folder / "config.yaml"
    path.write_text(CONFIG + rules)
    config = load_config(path, {})
    runners = [Runner("s", source, build_engine(config, config.streams[0]), kinds={"p": "prediction"})]
    store = SqliteStore.open(Path(config.state_path))
    made = Daemon(config, runners, store, publisher, structlog.get_logger(), wall=wall)
    if restore:
        made.restore()
    return made


def an_hour() -> FakeSource:
    """Six events, ten minutes apart."""
    source = FakeSource({"p": Kind.PREDICTION})
    for number in range(6):
        source.append("p", 0, event(number, START + number * 600_000), START + number * 600_000)
    return source


def test_counters_are_those_of_the_last_commit_and_begin_at_zero(tmp_path):
    """§8: after a crash they never go back; and the first commit is an increase, which a rate can see."""
    source = FakeSource({"p": Kind.PREDICTION})
    made = daemon(tmp_path, source, FakePublisher())
    source.append("p", 0, json.dumps({**json.loads(event(1, START)), "latency_ms": 5}).encode(), START)
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
    source, publisher = an_hour(), FakePublisher()
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


class Unreachable(FakeSource):
    """A source that is looked for in vain: what is shown meanwhile is written down."""

    def __init__(self) -> None:
        super().__init__({"p": Kind.PREDICTION})
        self.set_up(up=False)
        self.daemon: Daemon | None = None
        self.seen: list[DaemonView] = []

    def open(self, positions, topic_ids=None):
        """Take as long as Kafka does; find nothing."""
        assert self.daemon is not None
        self.seen.append(self.daemon.view)

    def partitions(self):
        """None was found."""
        return []


def test_the_restored_state_is_shown_before_kafka_is_found_and_without_it(tmp_path):
    """Else firing rules vanish from ``/metrics`` for as long as Kafka is looked for, and alerts on them end."""
    source, publisher = an_hour(), FakePublisher()
    first = daemon(tmp_path, source, publisher)
    first.tick(0)
    first.stop()
    first.refresh_view(force=True)
    lost = Unreachable()
    again = daemon(tmp_path, lost, publisher, restore=False)
    lost.daemon = again
    again.restore()
    again.refresh_view(force=True)
    shown = [_shown(first.view), *map(_shown, lost.seen), _shown(again.view)]
    reasons = [(view.ready, view.reasons) for view in (*lost.seen, again.view)]
    again.stop()
    (rule,) = first.view.streams[0].rules
    assert "firing" == rule.state
    assert [shown[0]] * 3 == shown
    looking = "starting: the state is restored, and Kafka looked for"
    assert [(False, (looking,)), (False, ("Kafka cannot be reached",))] == reasons


def _shown(view: DaemonView) -> str:
    """As text, in which an unknown number equals itself."""
    (stream,) = view.streams
    places = [(p.topic, p.partition, p.position, p.watermark_ms) for p in stream.partitions]
    counted = stream.counters, view.triggers_total, view.triggers
    return repr((stream.rules, stream.models, stream.watermark_ms, places, counted))


def test_a_stream_that_cannot_be_read_is_not_silent(tmp_path):
    """§9: rules on silence look at the clock, but who does not hear Kafka knows of no silence.

    Nor is the time without it counted afterwards: the events of those hours may be just about to be read.
    """
    source, publisher = FakeSource({"p": Kind.PREDICTION}), FakePublisher()
    clock = [START]
    made = daemon(tmp_path, source, publisher, wall=lambda: clock[0] / 1000, rules=SILENT)
    source.append("p", 0, event(1, START), START)

    def at(hours: float, *, up: bool, trouble: str = "") -> str:
        clock[0] = START + int(hours * HOUR)
        source.set_up(up=up)
        made.trouble = trouble
        made._turn(made.runners[0], 0)
        made.refresh_view(force=True)
        return made.view.streams[0].rules[0].state

    states = [
        at(0, up=True), at(1, up=True), at(5, up=False), at(6, up=True), at(7.9, up=True),  # Kafka was away
        at(8, up=True),  # 2 h of silence that was heard
        at(9, up=False), at(10, up=True), at(11, up=True),
        at(20, up=True, trouble="no room"),
    ]  # fmt: skip
    source.append("p", 0, event(2, START + 20 * HOUR), START + 20 * HOUR)
    states += [at(21, up=True), at(22.5, up=True), at(30, up=True, trouble="no room"), at(31, up=True)]
    made.trouble = ""
    made.stop()
    assert ["inactive"] * 5 + ["firing"] * 5 + ["inactive"] * 4 == states
