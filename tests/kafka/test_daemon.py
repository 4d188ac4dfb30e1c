"""The real daemon as a process on a real Kafka: stopped, killed and cut off, and nothing lost or doubled."""

from __future__ import annotations

import csv
import json
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

pytestmark = pytest.mark.kafka

DAY_0 = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PARTITIONS = 4
DELAY = 5 * MINUTE
BAD = [(9, 15), (33, 40), (57, 64), (70, 75), (88, 95), (110, 118)]
"""Spells of hours in which the model guesses and its input has moved."""
POISON = [None, b"", b'{"prediction_id": ', b'{"prediction_id":"p","model":"m","version":"1","time":NaN}']
POISON += [b'{"prediction_id":"p","model":"m","version":"1","time":"yesterday","prediction":"UP"}']

STREAM = """
  {name}:
    predictions: [{name}-predictions]
    labels: [{name}-labels]
    time: {{step: 1m, out_of_orderness: 1m, max_skew: 30d, idle_after: 15s}}"""
CONFIG = """
kafka:
  bootstrap_servers: {servers}
  topics: {{triggers: {own}-triggers, dead_letters: {own}-dead}}
streams: {streams}
models:
{models}
state: {{path: state/driftline.db}}
http: {{listen: "127.0.0.1:{port}"}}
rules:
  - name: accuracy-low
    when: {{metric: accuracy, window: 1h, below: 0.8}}
    for: 2h
    then: retrain
  - name: x-moved
    models: "*"
    when: {{metric: psi, window: 1h, feature: x, above: 1.0}}
    for: 1h
    then: notify
"""
MODEL = """  - match: {model}
    stream: {stream}
    task: binary
    positive: UP
    windows: {{performance: [{{length: 1h, slide: 10m}}], drift: [{{length: 1h, slide: 10m}}]}}
    references: "references/{{model}}-{{version}}.json"
    labels: {{delay: 10m}}
    gates: {{accuracy: 10, drift: 30}}"""


@dataclass
class Daemon:
    """``driftline run`` in a process of its own."""

    config: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with (self.config.parent / "daemon.log").open("ab") as log:
            command = [sys.executable, "-m", "driftline", "run", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def end(self, number: int) -> int:
        assert self.process.poll() is None, f"the daemon ended by itself: {self.log()}"
        self.process.send_signal(number)
        return self.process.wait(30)

    def watermark(self, stream: str = "s") -> float:
        """Event time, in seconds; 0 while nothing is known."""
        assert self.process.poll() is None, f"the daemon ended by itself: {self.log()}"
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0.0
        start = f'driftline_watermark_timestamp_seconds{{stream="{stream}"'
        return next((float(x.rsplit(" ", 1)[1]) for x in lines if x.startswith(start)), 0.0)

    def log(self) -> str:
        return (self.config.parent / "daemon.log").read_text()[-3000:]


@pytest.fixture
def daemons() -> Iterator[list[Daemon]]:
    started: list[Daemon] = []
    yield started
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()


def _until(true: Callable[[], bool], what: str, daemon: Daemon, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"{what}: not within {timeout_s} s; {daemon.log()}"
        time.sleep(0.2)


def _daemon(folder: Path, servers: str, own: str, streams: list[str]) -> Daemon:
    """A folder with reference and configuration, and the daemon, not yet started."""
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for stream in streams:
        _reference(folder, f"m-{stream}")
    text = CONFIG.format(
        servers=servers, own=own, port=port, streams="".join(STREAM.format(name=s) for s in streams),
        models="\n".join(MODEL.format(model=f"m-{s}", stream=s) for s in streams),
    )  # fmt: skip
    (folder / "config.yaml").write_text(text)
    return Daemon(folder / "config.yaml", port)


def _reference(folder: Path, model: str) -> None:
    rng = random.Random(1)
    with (folder / "validated.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["x", "prediction", "label"])
        for number in range(2000):
            writer.writerow([round(rng.gauss(0, 1), 6), "UP" if number % 2 else "DOWN", "UP"])
    _cli(
        folder, "reference", "build", "validated.csv", "--model", model, "--version", "1", "--features", "x",
        "--prediction", "prediction", "--label", "label", "--positive", "UP",
        "--output", f"references/{model}-1.json",
    )  # fmt: skip


def _cli(folder: Path, *arguments: str) -> None:
    (folder / "references").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "driftline", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def _create(servers: str, topics: dict[str, int]) -> None:
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics([NewTopic(t, n, 1) for t, n in topics.items()]).values():
        future.result(20)


def _events(stream: str, hours: range) -> list[tuple[str, str, bytes]]:
    """(topic, key, value): a prediction a minute, its label five minutes later, in order of time."""
    rng = random.Random(hours.start)
    rows = []
    for minute in range(hours.start * 60, hours.stop * 60):
        bad = any(a <= minute // 60 < b for a, b in BAD)
        at, name = DAY_0 + minute * MINUTE, f"{stream}-{minute}"
        truth = rng.choice(("UP", "DOWN"))
        wrong = rng.random() < (0.6 if bad else 0.05)
        said = truth if not wrong else "UP" if truth == "DOWN" else "DOWN"
        event = {
            "prediction_id": name, "model": f"m-{stream}", "version": "1", "time": at.isoformat(),
            "prediction": said, "features": {"x": round(rng.gauss(3.0 if bad else 0.0, 1), 6)},
        }  # fmt: skip
        known = at + DELAY
        label = {"prediction_id": name, "model": f"m-{stream}", "label": truth, "time": known.isoformat()}
        rows += [(at, f"{stream}-predictions", name, event), (known, f"{stream}-labels", name, label)]
    rows.sort(key=lambda row: row[0])
    return [(topic, name, json.dumps(event).encode()) for _at, topic, name, event in rows]


def _send(servers: str, events: list[tuple[str, str, bytes]]) -> None:
    """In order of time, and confirmed."""
    failed: list[str] = []
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True})
    for topic, key, value in events:
        producer.produce(topic, value, key, on_delivery=lambda e, _m: failed.append(str(e)) if e else None)
    assert (0, []) == (producer.flush(60), failed)


def _read(servers: str, topic: str, partitions: int) -> list[Message]:
    """Everything in a topic, by an independent consumer, each partition in offset order."""
    settings = {"bootstrap.servers": servers, "group.id": f"test-{uuid.uuid4()}", "enable.auto.commit": False}
    consumer = Consumer(settings)
    messages: list[Message] = []
    try:
        for partition in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
            consumer.assign([TopicPartition(topic, partition, low)])
            position = low
            while position < high:
                message = consumer.poll(20)
                assert message is not None, f"{topic}[{partition}] ends at {position}, not at {high}"
                assert message.error() is None
                messages.append(message)
                position = message.offset() + 1
    finally:
        consumer.close()
    return messages


def _ids(servers: str, own: str) -> list[str]:
    return [json.loads(m.value())["id"] for m in _read(servers, f"{own}-triggers", 1)]


def _dump(messages: list[Message], path: Path) -> str:
    """JSON lines with their places, in recorded order."""
    with path.open("w") as out:
        for m in messages:
            place = {
                "topic": m.topic(),
                "partition": m.partition(),
                "offset": m.offset(),
                "timestamp": m.timestamp()[1],
            }
            out.write(json.dumps({**json.loads(m.value()), "_kafka": place}) + "\n")
    return str(path)


def _replay(folder: Path, servers: str, stream: str) -> dict[str, dict[str, Any]]:
    """The events by id that a replay of the topics' records gives: a file a partition, and one for all labels."""
    said = _read(servers, f"{stream}-predictions", PARTITIONS)
    files = []
    for p in range(PARTITIONS):
        path = folder / f"predictions-{p}.jsonl"
        files += ["--predictions", _dump([m for m in said if m.partition() == p], path)]
    files += ["--labels", _dump(_read(servers, f"{stream}-labels", PARTITIONS), folder / "labels.jsonl")]
    out = folder / "replayed.jsonl"
    _cli(folder, "replay", "--config", "config.yaml", "--stream", stream, *files, "--triggers", str(out))
    events = [json.loads(line) for line in out.read_text().splitlines()]
    assert len({e["id"] for e in events}) == len(events)
    return {e["id"]: e for e in events}


def _evidence(event: dict[str, Any]) -> dict[str, Any]:
    """The event without what second copies may differ in."""
    data = {k: v for k, v in event["data"].items() if k != "backfilled"}
    ranges = [{k: v for k, v in r.items() if k != "retained"} for r in data["data_range"]]
    return {**event, "data": {**data, "data_range": ranges}}


def _at(hour: float) -> float:
    return (DAY_0 + timedelta(hours=hour)).timestamp()


def test_stops_kills_and_a_dead_broker_change_nothing(
    java_kafka: Any, tmp_path: Path, daemons: list[Daemon]
) -> None:
    """Faults 7 and 17: SIGTERM, two kill -9 and a killed broker: the triggers are those of a replay, no others."""
    servers = java_kafka.bootstrap_servers
    _create(servers, {"s-predictions": PARTITIONS, "s-labels": PARTITIONS, "own-triggers": 1, "own-dead": 1})
    daemon = _daemon(tmp_path / "d", servers, "own", ["s"])
    daemon.start()
    daemons.append(daemon)

    _send(servers, _events("s", range(24)))
    _until(lambda: daemon.watermark() > _at(12), "the first half of the first day", daemon)
    assert 0 == daemon.end(signal.SIGTERM)

    _send(servers, _events("s", range(24, 60)))
    daemon.start()
    _until(lambda: daemon.watermark() > _at(36), "the second day", daemon)
    _send(servers, _events("s", range(60, 80)))
    time.sleep(0.4)
    assert -signal.SIGKILL == daemon.end(signal.SIGKILL)

    daemon.start()
    _until(lambda: daemon.watermark() > _at(76), "the third day", daemon)
    _send(servers, _events("s", range(80, 98)))
    java_kafka.kill()
    time.sleep(2)
    assert -signal.SIGKILL == daemon.end(signal.SIGKILL)
    daemon.start()
    time.sleep(3)
    assert daemon.process.poll() is None, f"it waits for Kafka: {daemon.log()}"
    java_kafka.start()
    _send(servers, _events("s", range(98, 130)))

    expected = _replay(daemon.config.parent, servers, "s")
    kinds = [e["type"].removeprefix("io.driftline.") for e in expected.values()]
    assert kinds.count("retraining.requested.v1") >= 4, kinds
    assert kinds.count("alert.fired.v1") >= 4, kinds
    _until(lambda: expected.keys() <= set(_ids(servers, "own")), "all triggers", daemon, 90)
    time.sleep(3)
    assert 0 == daemon.end(signal.SIGTERM)
    found = _read(servers, "own-triggers", 1)
    assert expected.keys() == {json.loads(m.value())["id"] for m in found}
    for message in found:
        event = json.loads(message.value())
        assert _evidence(expected[event["id"]]) == _evidence(event)


def test_one_stream_waits_and_the_other_goes_on(
    any_kafka: Any, tmp_path: Path, daemons: list[Daemon]
) -> None:
    """Faults 27, 35, 36 and 78: a missing topic holds its own stream only; poison goes to the dead letters with its place and reason."""
    servers, own = any_kafka.bootstrap_servers, f"t{uuid.uuid4().hex[:8]}"
    good, waiting = f"{own}g", f"{own}w"
    topics = dict.fromkeys((f"{good}-predictions", f"{good}-labels", f"{waiting}-predictions"), PARTITIONS)
    _create(servers, {**topics, f"{own}-triggers": 1, f"{own}-dead": 1})
    daemon = _daemon(tmp_path / "d", servers, own, [good, waiting])
    daemon.start()
    daemons.append(daemon)
    producer = Producer({"bootstrap.servers": servers})
    for value in POISON:
        producer.produce(f"{good}-predictions", value, partition=2)
    assert 0 == producer.flush(20)
    _send(servers, _events(good, range(20)))
    missing = [e for e in _events(waiting, range(20)) if e[0].endswith("-predictions")]
    _send(servers, missing)

    _until(lambda: len(_ids(servers, own)) >= 4, "both rules fired and resolved", daemon)
    time.sleep(1)
    events = [json.loads(m.value()) for m in _read(servers, f"{own}-triggers", 1)]
    assert {f"m-{good}/1"} == {e["subject"] for e in events}
    assert {"accuracy-low", "x-moved"} == {e["data"]["episode"]["rule"] for e in events}
    with urlopen(f"http://127.0.0.1:{daemon.port}/api/v1/status", timeout=5) as answer:
        assert f"{waiting}-labels" in answer.read().decode()

    dead = _read(servers, f"{own}-dead", 1)
    assert sorted(POISON, key=str) == sorted((m.value() for m in dead), key=str)
    for message in dead:
        headers = {name: value.decode() for name, value in message.headers()}
        assert (f"{good}-predictions", "2") == (headers["driftline_topic"], headers["driftline_partition"])
        assert headers["driftline_reason"]
        assert POISON[int(headers["driftline_offset"])] == message.value()

    _create(servers, {f"{waiting}-labels": PARTITIONS})
    _send(servers, [e for e in _events(waiting, range(20)) if e[0].endswith("-labels")])
    _until(lambda: daemon.watermark(waiting) > _at(19), "the stream whose topic came", daemon)
    assert 0 == daemon.end(signal.SIGTERM)
