"""The daemon's loop on the embedded broker: losses by policy, growth, poison, a dead-letter topic that is down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from confluent_kafka import Producer

from driftline.app import Daemon, Runner
from driftline.config.parse import load_config
from driftline.errors import DataLoss
from driftline.ports import Source
from driftline.records import Kind
from driftline.sinks.breaker import Breaker, LetterLimits
from driftline.sinks.publisher import KafkaPublisher
from driftline.sources.embedded import EmbeddedBroker
from driftline.sources.kafka import KafkaSource
from driftline.store.sqlite import SqliteStore
from driftline.testing.publisher import FakePublisher
from driftline.testing.source import FakeSource
from driftline.wiring import build_engine
from tests.kafka.damaged import GZIP, batch, send

START_MS = 1_790_000_000_000
CONFIG = """
kafka: {{bootstrap_servers: "{servers}", on_data_loss: {policy}}}
streams:
  one: {{predictions: [one], labels: [], time: {{idle_after: 1s, max_future: 100000d}}}}
  two: {{predictions: [two], labels: [], time: {{idle_after: 1s, max_future: 100000d}}}}
models:
  - {{match: "m-one", stream: one, task: regression, windows: {{drift: [1h]}}}}
  - {{match: "m-two", stream: two, task: regression, windows: {{drift: [1h]}}}}
state: {{path: {folder}/state.db}}
"""


def event(topic: str, n: int) -> bytes:
    """The n-th prediction of a topic, n seconds after the first."""
    place = {"prediction_id": f"{topic}-{n}", "model": f"m-{topic}", "version": "1"}
    return json.dumps({**place, "time": START_MS + 1000 * n, "prediction": 1.0}).encode()


class Site:
    """A broker, a configuration, and daemons on the same state one after the other."""

    def __init__(self, folder: Path) -> None:
        self.broker = EmbeddedBroker({"one": 1, "two": 1, "driftline.dead-letters": 1})
        self._folder = folder
        self._producer = Producer({"bootstrap.servers": self.broker.bootstrap_servers, "log_level": 0})
        self._sent = dict.fromkeys(("one", "two"), 0)
        self.daemon: Daemon | None = None
        self.told: list[dict[str, Any]] = []

    def write(self, topic: str, count: int = 1, partition: int = 0) -> None:
        """Valid predictions, a second apart."""
        for _ in range(count):
            n = self._sent[topic]
            self._sent[topic] += 1
            self._producer.produce(topic, event(topic, n), partition=partition)
        assert 0 == self._producer.flush(10)

    def poison(self, topic: str, count: int) -> None:
        for _ in range(count):
            self._producer.produce(topic, b"{", partition=0)
        assert 0 == self._producer.flush(10)

    def start(
        self, policy: str = "hold", *, publish: bool = False, sources: dict[str, Source] | None = None
    ) -> Daemon:
        servers = self.broker.bootstrap_servers
        path = self._folder / "config.yaml"
        path.write_text(CONFIG.format(servers=servers, policy=policy, folder=self._folder))
        config = load_config(path, {})
        runners = [
            Runner(
                s.name,
                sources[s.name] if sources else self._source(s.name),
                build_engine(config, s), kinds={s.name: "prediction"}, breaker=Breaker(LetterLimits(pending=50)),
            )
            for s in config.streams
        ]  # fmt: skip
        publisher = KafkaPublisher(servers, {}) if publish else FakePublisher()
        log = structlog.wrap_logger(None, processors=[self._tell])
        self.daemon = Daemon(config, runners, SqliteStore.open(Path(config.state_path)), publisher, log)
        self.daemon.restore()
        return self.daemon

    def _source(self, topic: str) -> KafkaSource:
        return KafkaSource(
            bootstrap_servers=self.broker.bootstrap_servers,
            topics={topic: Kind.PREDICTION},
            discovery_s=0.2,
            ids_s=0.1,
        )

    def _tell(self, _logger: object, _method: str, event: Any) -> Any:
        self.told.append(dict(event))
        raise structlog.DropEvent

    def until(self, true: Callable[[], Any], timeout_s: float = 20) -> None:
        assert self.daemon is not None
        end = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < end, f"not within {timeout_s} s; told: {self.told[-5:]}"
            self.daemon.tick(0.05)

    def counted(self, stream: str) -> int:
        assert self.daemon is not None
        (runner,) = (r for r in self.daemon.runners if r.name == stream)
        return sum(slot.predictions for slot in runner.engine.pipeline.registry.slots)

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.stop()
            self.daemon = None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.stop()
    made.broker.close()


def _lose(site: Site) -> None:
    """Five predictions are counted and the daemon is stopped; then five more are written and three of them deleted."""
    site.write("one", 5)
    site.write("two", 1)
    site.start()
    site.until(lambda: site.counted("one") == 5 and site.counted("two") == 1)
    site.stop()
    site.write("one", 5)
    site.write("two", 3)
    site.broker.delete_records("one", 0, 8)


def test_a_loss_holds_its_stream_alone_by_default(site: Site) -> None:
    """Not ready, the reason shown, the other stream goes on, and a restart changes nothing (Faults 24, 78)."""
    _lose(site)
    for _ in range(2):
        daemon = site.start("hold")
        site.until(lambda: site.counted("two") == 4)
        site.until(lambda d=daemon: d.runners[0].hold)
        assert "one[0]: offset 5 is below the oldest record, 8" == daemon.runners[0].hold
        assert daemon.runners[1].hold is None
        assert 5 == site.counted("one")
        daemon.refresh_view(force=True)
        assert not daemon.view.ready
        assert any("stream one is on hold" in reason for reason in daemon.view.reasons)
        site.stop()


def test_skipping_counts_what_was_lost_and_reads_on(site: Site) -> None:
    """Three are gone, two are read; the number stands in the counters and in one line (Fault 24)."""
    _lose(site)
    daemon = site.start("skip")
    site.until(lambda: site.counted("one") == 7)

    def lost() -> dict[tuple[str, ...], int]:
        daemon.refresh_view(force=True)
        return daemon.view.streams[0].counters["events_lost_total"]

    site.until(lambda: lost() == {("one",): 3})  # counters are those of the last commit
    assert {("two",): 0} == daemon.view.streams[1].counters["events_lost_total"]
    assert [3] == [line["lost"] for line in site.told if line["event"] == "records skipped"]
    assert daemon.runners[0].hold is None


def test_a_loss_can_end_the_daemon(site: Site) -> None:
    """Exit code 4, and the reason (Fault 24)."""
    _lose(site)
    site.start("exit")
    with pytest.raises(DataLoss, match="offset 5 is below the oldest record, 8") as lost:
        site.until(lambda: False)
    assert 4 == lost.value.exit_code


@pytest.mark.parametrize("policy", ["hold", "skip"])
def test_a_damaged_batch_while_running_goes_by_the_policy(site: Site, policy: str) -> None:
    """Held with the reason, or skipped exactly and counted (Fault 30)."""
    daemon = site.start(policy)
    site.write("one", 2)
    site.until(lambda: site.counted("one") == 2)
    send(site.broker.bootstrap_servers, "one", 0, batch(b"no gzip at all", 3, GZIP))
    site.write("one", 2)
    if policy == "hold":
        site.until(lambda: daemon.runners[0].hold)
        assert "one[0]: what comes next cannot be read: Decompression" in str(daemon.runners[0].hold)
        assert 2 == site.counted("one")
    else:
        site.until(lambda: site.counted("one") == 4)
        assert 3 == daemon.runners[0].engine.pipeline.counts["events_lost", "one"]


def test_a_topic_deleted_while_running_holds_its_stream_and_keeps_its_state(site: Site) -> None:
    """The other stream goes on; what was counted stays (Faults 26, 78)."""
    daemon = site.start()
    site.write("one", 3)
    site.until(lambda: site.counted("one") == 3)
    site.broker.delete_topic("one")
    site.until(lambda: daemon.runners[0].hold)
    assert "one[0]: the topic is gone" == daemon.runners[0].hold
    site.write("two", 2)
    site.until(lambda: site.counted("two") == 2)
    assert 3 == site.counted("one")


def test_a_partition_added_while_running_starts_at_the_streams_watermark(site: Site) -> None:
    """It does not pull W back, and is read from its first record; the warning is told (Fault 28)."""
    one, two = FakeSource({"one": Kind.PREDICTION}), FakeSource({"two": Kind.PREDICTION})
    daemon = site.start(sources={"one": one, "two": two})
    pipeline = daemon.runners[0].engine.pipeline
    for n in (0, 7200):
        one.append("one", 0, event("one", n), START_MS)
    site.until(lambda: pipeline.watermark_ms > START_MS + 7_000_000)
    before_ms = pipeline.watermark_ms
    one.grow("one", 2)
    one.told = ["topic one has more partitions than before"]
    site.until(lambda: ("one", 1) in pipeline.watermarks and not one.told)
    assert before_ms == pipeline.watermarks["one", 1]
    one.append("one", 1, event("one", 7190), START_MS)
    site.until(lambda: pipeline.positions.get(("one", 1)) == 1)
    assert before_ms <= pipeline.watermark_ms
    assert 1 == sum(line["event"] == "topic one has more partitions than before" for line in site.told)


def test_nothing_but_poison_pauses_its_partition_and_loses_nothing(site: Site) -> None:
    """Each bad record becomes a dead letter in the end; the other stream goes on meanwhile (Faults 53, 78)."""
    daemon = site.start(publish=True)
    site.poison("one", 200)
    site.until(lambda: daemon.runners[0].paused)
    assert {("one", 0): "dead_letters"} == daemon.runners[0].paused
    site.write("two", 2)
    site.until(lambda: site.counted("two") == 2)
    site.until(lambda: not daemon.runners[0].paused)
    site.until(lambda: not daemon.outbox and not daemon.queue)
    assert 200 == daemon.runners[0].engine.pipeline.counts["events_rejected", "one", "not_json"]
    site.write("one", 1)
    site.until(lambda: site.counted("one") == 1)


def test_a_dead_letter_topic_that_is_down_pauses_the_partition_rather_than_drop(site: Site) -> None:
    """The letters wait in the outbox, over a restart too; reading goes on when they were taken (Fault 54)."""
    daemon = site.start()
    assert isinstance(daemon.publisher, FakePublisher)
    daemon.publisher.failure = "the topic is down"
    site.poison("one", 60)
    site.until(lambda: daemon.runners[0].paused)
    site.write("one", 1)
    for _ in range(10):
        daemon.tick(0.05)
    assert 0 == site.counted("one")
    assert 60 == len(daemon.outbox)
    site.stop()

    daemon = site.start()
    assert isinstance(daemon.publisher, FakePublisher)
    daemon.publisher.failure = None
    site.until(lambda: site.counted("one") == 1)
    assert 60 == len(daemon.publisher.sent)
    site.until(lambda: not daemon.runners[0].paused)


def test_a_refused_fetch_of_one_moment_costs_nothing(site: Site) -> None:
    """Retriable errors and brokers that are away show in `up` only (Faults 17, 23)."""
    daemon = site.start()
    site.write("one", 1)
    site.until(lambda: site.counted("one") == 1)
    site.broker.set_down(down=True)
    site.until(lambda: not daemon.view.kafka_up)
    assert "Kafka cannot be reached" in daemon.view.reasons
    site.broker.set_down(down=False)
    site.write("one", 2)
    site.until(lambda: site.counted("one") == 3)
    site.until(lambda: daemon.view.kafka_up)
