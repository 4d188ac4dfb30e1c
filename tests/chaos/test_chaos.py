"""The real daemon under load on a real Kafka, killed and frozen at random: exact in the end, whatever happened.

``make test-chaos`` runs it. ``DRIFTLINE_CHAOS_SEED`` runs a seed again (it is printed), ``DRIFTLINE_CHAOS_KILLS`` and
``DRIFTLINE_CHAOS_BROKER_KILLS`` say how often the daemon and the broker die. The moments of the kills follow from the
seed in seconds, so a failing seed makes the same traffic and the same plan, on a machine with its own timing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.faults.harness import (
    KINDS,
    Process,
    check_state,
    free_port,
    oracle,
    producer,
    published,
    read,
    records_read,
    send,
    settle,
    until,
)
from tests.oracle.reference import write_references
from tests.oracle.traffic import Sent, Traffic, config_text

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

SEED = int(os.environ.get("DRIFTLINE_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
KILLS = int(os.environ.get("DRIFTLINE_CHAOS_KILLS", "50"))
BROKER_KILLS = int(os.environ.get("DRIFTLINE_CHAOS_BROKER_KILLS", "3"))
STREAMS = {"one": ["a"], "two": ["b"]}
PARTITIONS = 4
HOURS_A_KILL = 8
"""Event time that is sent from one kill to the next."""
TICK_S = 0.05
PROGRESS_EVERY = 4
"""Each so many-th life lasts until it has committed something new: on a slow machine short lives only start."""
SLOW_S = 900


@dataclass
class Feeder:
    """Sends on and on, as far as it is allowed to, from a thread of its own."""

    servers: str
    records: list[Sent]
    allowed: int = 0
    failure: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            to, at = producer(self.servers), 0
            while at < len(self.records):
                until_ = min(self.allowed, at + len(self.records) // (20 * max(1, KILLS)) + 1)
                send(to, self.records[at:until_])
                at = max(at, until_)
                time.sleep(TICK_S)
        except BaseException as error:  # noqa: BLE001 - the test tells of it
            self.failure = error

    def finish(self) -> None:
        """Send the rest."""
        self.allowed = len(self.records)
        self.thread.join(300)
        assert self.failure is None
        assert not self.thread.is_alive()


def _create(servers: str, topics: dict[str, int]) -> None:
    """Topics whose records are as old as their events, and stay."""
    keep = {"retention.ms": "-1", "message.timestamp.after.max.ms": str(1 << 62)}
    new = [NewTopic(t, n, 1, config=keep) for t, n in topics.items()]
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics(new).values():
        future.result(20)


def _traffic() -> list[Sent]:
    """Both streams, side by side in time."""
    both = [
        Traffic(SEED, name, tuple(models), KILLS * HOURS_A_KILL * 60, partitions=PARTITIONS).records()
        for name, models in STREAMS.items()
    ]
    return sorted((record for records in both for record in records), key=lambda r: r.timestamp)


def _torment(rng: random.Random, process: Process, broker: Any, feeder: Feeder) -> None:
    """Kill, freeze and thaw, as often as was asked for."""
    dies = set(rng.sample(range(KILLS), min(KILLS, BROKER_KILLS)))
    for number in range(KILLS):
        feeder.allowed = len(feeder.records) * (number + 1) // KILLS
        if number % PROGRESS_EVERY == PROGRESS_EVERY - 1:
            before = records_read(process.config)
            until(lambda least=before: records_read(process.config) > least, process.log, SLOW_S)
        time.sleep(rng.uniform(0, 5))
        if rng.random() < 0.4:
            process.send(signal.SIGSTOP)
            time.sleep(rng.uniform(0, 1.5))
            process.send(signal.SIGCONT)
            time.sleep(rng.uniform(0, 0.5))
        if number in dies:
            broker.kill()
            time.sleep(rng.uniform(0, 3))
        process.kill()
        process.start()
        if number in dies:
            time.sleep(rng.uniform(0, 3))
            broker.start()


def _evidence(event: dict[str, Any]) -> dict[str, Any]:
    """The event without what second copies may differ in."""
    data = {k: v for k, v in event["data"].items() if k != "backfilled"}
    ranges = [{k: v for k, v in r.items() if k != "retained"} for r in data["data_range"]]
    return {**event, "data": {**data, "data_range": ranges}}


def _check_copies(servers: str) -> None:
    """Second copies say the same, byte by byte of their evidence."""
    first: dict[str, list[str]] = {}
    for message in read(servers, "own-triggers", 1):
        event = _evidence(json.loads(message.value()))
        lines = json.dumps(event, indent=1).splitlines()  # so that a failure shows the lines that differ
        assert first.setdefault(event["id"], lines) == lines, event["id"]


def test_random_kills_under_load_change_nothing(java_kafka: Any, tmp_path: Path) -> None:
    """Faults 5, 6, 52, 62 and 73: killed and frozen at random, the broker too; exact, and as an undisturbed run."""
    print(f"DRIFTLINE_CHAOS_SEED={SEED}: {KILLS} kills, {BROKER_KILLS} of them with the broker")  # noqa: T201
    servers = java_kafka.bootstrap_servers
    topics = {f"{s}-{kind}": PARTITIONS for s in STREAMS for kind in KINDS}
    _create(servers, {**topics, "own-triggers": 1, "own-dead": 1, "own-feedback": 1})
    write_references(tmp_path, ["a", "b"])
    config = tmp_path / "config.yaml"
    config.write_text(config_text(servers, "own", free_port(), STREAMS, skew="3h"))
    process = Process(config)
    undisturbed = Process(tmp_path / "undisturbed.yaml")
    text = config.read_text().replace("state/driftline.db", "undisturbed/driftline.db")
    undisturbed.config.write_text(text)
    process.start()
    try:
        feeder = Feeder(servers, _traffic())
        _torment(random.Random(SEED), process, java_kafka, feeder)
        feeder.finish()
        expected = [oracle(config, servers, s, models, PARTITIONS) for s, models in STREAMS.items()]
        kinds = {t.type for e in expected for t in e.triggers.values()}
        assert 5 == len(kinds), "traffic without all kinds of triggers shows little"
        settle(process, servers, "own", expected, SLOW_S)
        _check_copies(servers)
        for each in expected:
            check_state(config, each)

        once = published(servers, "own")
        undisturbed.start()
        all_twice = {i: n + 1 for i, n in once.items()}
        until(lambda: all_twice.items() <= published(servers, "own").items(), undisturbed.log, SLOW_S)
        settle(undisturbed, servers, "own", expected, SLOW_S)
        _check_copies(servers)
        for each in expected:
            check_state(undisturbed.config, each)
        copies = sum(n - 1 for n in once.values())
        print(f"{sum(len(e.triggers) for e in expected)} triggers, {copies} second copies")  # noqa: T201
    finally:
        process.clear()
        undisturbed.clear()
