"""A timer of 48 hours of event time, over restarts and a wall clock that jumps: it fires once, at the oracle's instant."""

from __future__ import annotations

import json
import random
from pathlib import Path
from types import SimpleNamespace

from driftline.app import Daemon, Runner
from driftline.instants import parse_instant
from driftline.records import Kind
from driftline.store.sqlite import SqliteStore
from driftline.testing.clock import ManualClock
from driftline.testing.publisher import FakePublisher
from driftline.testing.source import FakeSource
from tests.oracle.engine import engine_of, ids, load, setup_of
from tests.oracle.fold import fold
from tests.oracle.logs import Record
from tests.oracle.rules import REQUEST_RESOLVED, REQUESTED, triggers

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_767_225_600_000
RESTARTS = 20
FASTER = 10_000
"""Event time against the wall clock."""
CONFIG = """
kafka: {bootstrap_servers: "localhost:9092"}
streams:
  s:
    predictions: [p]
    labels: [l]
    time: {step: 1m, out_of_orderness: 1m, allowed_lateness: 1h, max_future: 30m, max_skew: 30d, idle_after: 1h}
models:
  - match: m
    stream: s
    task: binary
    positive: "1"
    classes: ["0", "1"]
    windows: {drift: [{length: 1h, slide: 10m}], performance: [{length: 1h, slide: 10m}]}
    labels: {delay: 10m, horizon: 6h, orphan_wait: 5m, corrections: 1h, min_coverage: 0.5}
    gates: {accuracy: 5}
state: {path: state.db}
rules:
  - name: two-days
    when: {metric: accuracy, window: 1h, below: 0.8}
    for: 48h
    then: retrain
"""


def hours(first: int, last: int) -> list[Record]:
    """A prediction and its label every five minutes; the model errs from hour 5 to hour 65."""
    records = []
    for number in range(first * 12, last * 12):
        time = START + number * 5 * MINUTE
        wrong = 5 <= number // 12 < 65 and number % 4 > 0
        said = {"prediction_id": str(number), "model": "m", "version": "1", "time": time, "prediction": "1"}
        known = {"prediction_id": str(number), "model": "m", "time": time, "label": "0" if wrong else "1"}
        records += [
            Record(t, 0, number, time, json.dumps(e).encode()) for t, e in (("p", said), ("l", known))
        ]
    return records


def daemon(path: Path, records: list[Record], clock: ManualClock, publisher: FakePublisher) -> Daemon:
    """A new process, as far as the daemon can tell: only the state file and the logs are old."""
    source = FakeSource({"p": Kind.PREDICTION, "l": Kind.LABEL})
    for r in records:
        source.append(r.topic, r.partition, r.value, r.timestamp)
    config = load(path)
    runner = Runner("s", source, engine_of(config, "s"), kinds={"p": "prediction", "l": "label"})
    store = SqliteStore.open(config.state_path)
    quiet = SimpleNamespace(info=_nothing, warning=_nothing, error=_nothing)
    return Daemon(config, [runner], store, publisher, quiet, wall=lambda: clock.now_ms() / 1000)


def _nothing(*_arguments: object, **_fields: object) -> None:
    """What the daemon says is of no interest."""


def test_a_48_hour_timer_over_20_restarts_and_a_jumping_clock(tmp_path: Path) -> None:
    """Faults 34 and 61: stopped or killed 20 times, the clock a day off either way: once, and at the oracle's instant."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    rng, clock = random.Random(34), ManualClock(START)
    sent = []
    for run in range(RESTARTS + 1):
        clock.advance(4 * HOUR // FASTER)
        clock.step(rng.choice((-DAY, 0, DAY)))
        publisher = FakePublisher()
        process = daemon(path, hours(0, 4 * (run + 1)), clock, publisher)
        process.restore()
        process.tick(0)
        process.tick(0)
        if rng.random() < 0.5:
            process.stop()
        else:  # killed: what it did not commit is lost with it
            process.store.close()
        sent += publisher.sent

    setup = setup_of(path, "s", [("m", "1")], check_future=True)
    expected = triggers(setup, fold(setup, hours(0, 4 * (RESTARTS + 1))))
    assert [REQUESTED, REQUEST_RESOLVED] == [t.type for t in expected]
    assert 48 * HOUR == expected[0].time - expected[0].start
    assert {t.id for t in expected} == ids(sent)
    fired = {m.id: json.loads(m.value or b"") for m in sent}[expected[0].id]
    assert expected[0].time == parse_instant(fired["time"])
