"""The real daemon as a process on any broker, its topics read back, its state file held against the oracle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from driftline.errors import StateError
from driftline.store.sqlite import SqliteStore
from tests.oracle.engine import engine_of, engine_panes, fresh_panes, load, restore_engine, setup_of
from tests.oracle.fold import World, fold
from tests.oracle.logs import Record
from tests.oracle.rules import Trigger, triggers
from tests.oracle.traffic import Sent

KINDS = ("predictions", "labels", "features")
READ_WITHIN_S = 60


@dataclass
class Process:
    """``driftline run`` (or a program that stands for it) in a process of its own."""

    config: Path
    program: tuple[str, ...] = ("-m", "driftline", "run")
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, *program: str) -> None:
        """Start it; its output is appended to ``daemon.log`` beside the configuration."""
        command = [sys.executable, *(program or self.program), "--config", str(self.config)]
        with (self.config.parent / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)

    def send(self, number: int) -> None:
        """Send a signal to the running process."""
        assert self.process is not None
        assert self.process.poll() is None, f"the daemon ended by itself: {self.log()}"
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 60) -> int:
        """Wait for its end."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """kill -9."""
        self.send(signal.SIGKILL)
        self.wait()

    def log(self) -> str:
        """The end of what it said."""
        return (self.config.parent / "daemon.log").read_text()[-3000:]

    def clear(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A port of the loopback interface that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def producer(servers: str) -> Producer:
    """An idempotent producer that outlives a dead broker."""
    return Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "message.timeout.ms": 300_000,
            "log_level": 0,
        }
    )


def send(to: Producer, records: Iterable[Sent]) -> None:
    """Send in order, each to its partition with its timestamp, and confirmed."""
    failed: list[str] = []
    for r in records:
        to.produce(
            r.topic, r.value, partition=r.partition, timestamp=r.timestamp,
            on_delivery=lambda e, _m: failed.append(str(e)) if e else None,
        )  # fmt: skip
        to.poll(0)
    assert (0, []) == (to.flush(300), failed)


def read(servers: str, topic: str, partitions: int) -> list[Message]:
    """Everything in a topic, by an independent consumer, each partition in offset order."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"t-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    messages: list[Message] = []
    try:
        for partition in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
            consumer.assign([TopicPartition(topic, partition, low)])
            position, end = low, time.monotonic() + READ_WITHIN_S
            while position < high:
                assert time.monotonic() < end, f"{topic}/{partition}: at {position} of {high}"
                for message in consumer.consume(min(10_000, high - position), 1.0):
                    assert message.error() is None
                    messages.append(message)
                    position = message.offset() + 1
    finally:
        consumer.close()
    return messages


def records_of(servers: str, stream: str, partitions: int) -> list[Record]:
    """What the stream's topics really hold: the oracle reads that, and not what was meant to be sent."""
    return [
        Record(m.topic(), m.partition(), m.offset(), m.timestamp()[1], m.value())
        for kind in KINDS
        for m in read(servers, f"{stream}-{kind}", partitions)
    ]


@dataclass(frozen=True)
class Expected:
    """What the oracle says of one stream."""

    stream: str
    world: World
    triggers: dict[str, Trigger]


def oracle(config: Path, servers: str, stream: str, models: Iterable[str], partitions: int) -> Expected:
    """The oracle over what the topics hold."""
    slots = [(model, version) for model in models for version in ("1", "2")]
    setup = setup_of(config, stream, slots, check_future=True)
    world = fold(setup, records_of(servers, stream, partitions))
    return Expected(stream, world, {t.id: t for t in triggers(setup, world)})


def published(servers: str, own: str) -> Counter[str]:
    """How often each trigger is on the wire."""
    return Counter(json.loads(m.value())["id"] for m in read(servers, f"{own}-triggers", 1))


def until(true: Callable[[], bool], what: Callable[[], str], timeout_s: float = 90) -> None:
    """Wait until something is true."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"not within {timeout_s:.0f} s: {what()}"
        time.sleep(0.3)


def settle(
    process: Process, servers: str, own: str, expected: list[Expected], timeout_s: float = 90
) -> Counter[str]:
    """Let the daemon publish what is missing, stop it in order, and return what is on the wire."""
    wanted = {i: t for e in expected for i, t in e.triggers.items()}

    def missing() -> str:
        there = published(servers, own)
        left = [t for i, t in wanted.items() if i not in there]
        return f"{len(left)} of {len(wanted)} triggers are missing, as {left[:3]}; {process.log()}"

    until(lambda: wanted.keys() <= published(servers, own).keys(), missing, timeout_s)
    # All may be on the wire before this life of the daemon has sent what it does not know to be there.
    until(lambda: unsent(process.config) == 0, lambda: f"the outbox is not empty; {process.log()}", timeout_s)
    time.sleep(1.5)  # what comes in excess would come now
    process.send(signal.SIGTERM)
    assert 0 == process.wait(), process.log()
    found = published(servers, own)
    assert set() == found.keys() - wanted.keys()
    assert set() == wanted.keys() - found.keys()
    return found


def unsent(config: Path) -> int:
    """How many effects of the last commit are not known to be sent."""
    with closing(SqliteStore.peek(load(config).state_path)) as store:
        return len(store.load().outbox)


def records_read(config: Path) -> int:
    """How many records the last commit covers, beside a running daemon; 0 before the first."""
    try:
        store = SqliteStore.peek(load(config).state_path)
    except StateError:
        return 0
    try:
        return sum(row.next_offset for row in store.load().partitions)
    finally:
        store.close()


def check_state(config: Path, expected: Expected) -> None:
    """Offsets, watermarks, panes and counters in the state file are the oracle's."""
    store = SqliteStore.peek(load(config).state_path)
    stored = store.load()
    store.close()
    engine = engine_of(load(config), expected.stream)
    restore_engine(engine, stored.blobs[expected.stream])
    world, pipeline = expected.world, engine.pipeline
    assert world.watermark == pipeline.watermark_ms
    assert world.logs.watermarks == {k: w for k, w in pipeline.watermarks.items() if w > -(1 << 61)}
    assert fresh_panes(world.panes, world.watermark) == fresh_panes(engine_panes(engine), world.watermark)
    wanted = ("events_consumed", "events_rejected", "events_unmonitored", "events_late")
    assert {k: n for k, n in world.logs.counts.items() if k[0] in wanted and n} == {
        k: n for k, n in pipeline.counts.items() if k[0] in wanted and n
    }
    assert [world.logs.counts[n,] for n in ("duplicate", "conflict")] == [
        pipeline.join.counts[n] for n in ("duplicate", "conflict")
    ]
