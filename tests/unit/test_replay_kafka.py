"""``driftline replay --from-kafka``: the same as a replay of the same records from files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer

from driftline.cli import invoke
from driftline.records import Kind
from driftline.sources.embedded import EmbeddedBroker
from driftline.sources.kafka_range import KafkaRange
from tests.unit.replay_world import CONFIG, events, millis, placed, write

PREDICTIONS, LABELS = events(12)
PARTITIONS = 3
BROKEN = b'{"prediction_id": '


def _records() -> list[tuple[str, int, int, dict | None, int]]:
    """(topic, partition, offset, event, timestamp) in the order of production; one is broken, one in the future."""
    offsets: dict[tuple[str, int], int] = {}
    found = []
    for topic, rows in (("predictions", PREDICTIONS), ("labels", LABELS)):
        for number, row in enumerate(rows):
            key = topic, number % PARTITIONS if topic == "predictions" else 0
            shift = 6 * 60_000 if number == 100 else 0
            found.append((*key, offsets.get(key, 0), row, millis(row["time"]) - shift))
            offsets[key] = offsets.get(key, 0) + 1
    found.insert(0, ("labels", 1, 0, None, millis(PREDICTIONS[0]["time"])))
    return found


RECORDS = _records()


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """An embedded broker that holds all records."""
    topics = {"predictions": PARTITIONS, "more": 1, "labels": 2}
    with EmbeddedBroker(topics) as broker:
        failed: list[str] = []
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        for topic, partition, _offset, row, timestamp in RECORDS:
            value = BROKEN if row is None else json.dumps(row).encode()
            producer.produce(
                topic, value, partition=partition, timestamp=timestamp,
                on_delivery=lambda e, _m: failed.append(str(e)) if e else None,
            )  # fmt: skip
        assert (0, []) == (producer.flush(30), failed)
        yield broker.bootstrap_servers


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A configuration, and the same records as lines."""
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def _written(world: Path, *arguments: object) -> tuple[bytes, ...]:
    names = ("samples", "triggers", "episodes")
    options = [x for name in names for x in (f"--{name}", world / f"{name}.out")]
    command = ["replay", "--config", world / "c.yaml", "--stream", "main", *options, *arguments]
    assert 0 == invoke([str(a) for a in command])
    return tuple((world / f"{name}.out").read_bytes() for name in names)


def _files(world: Path, records: list) -> list[object]:
    """The records, a file a topic."""
    options: list[object] = []
    for topic in ("predictions", "labels"):
        rows = [placed(r, t, p, o, at) for t, p, o, r, at in records if t == topic and r is not None]
        options += [f"--{topic}", write(world / f"{topic}.jsonl", rows)]
    return options


def test_all_of_kafka_equals_the_same_records_in_files(servers, world, capsys):
    """Samples, triggers and episodes, byte for byte; the broken record and the one of the future are told."""
    from_kafka = _written(world, "--from-kafka", "--bootstrap-servers", servers)
    said = capsys.readouterr().err
    assert "labels[1] offset 0: not_json" in said
    assert "predictions[1] offset 33: future" in said
    assert "records that could not be used: 3 (future 2, not_json 1)" in said
    assert _written(world, *_files(world, RECORDS)) == from_kafka
    assert all(from_kafka)


def test_what_is_far_ahead_is_read_later_and_changes_nothing(servers, world, monkeypatch):
    """With a ``max_skew`` of minutes, partitions are held back and taken up again; the bytes are the same."""
    expected = _written(world, "--from-kafka", "--bootstrap-servers", servers)
    (world / "c.yaml").write_text(CONFIG.replace("time: {", "time: {max_skew: 20m, "), encoding="utf-8")
    monkeypatch.setattr("driftline.cli.replay_run.CHUNK", 40)
    held: list[frozenset] = []
    hold_back = KafkaRange.hold_back
    monkeypatch.setattr(
        KafkaRange, "hold_back", lambda self, keys: (hold_back(self, keys), held.append(self.held))[0]
    )
    assert expected == _written(world, "--from-kafka", "--bootstrap-servers", servers)
    changes = [now - before for before, now in pairwise(held)]
    assert 1 < sum(map(bool, changes))


class Together:
    """A consumer that is asked late: records come together with the end of their partition."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def consume(self, most: int, timeout_s: float) -> list[Message]:
        time.sleep(0.5)
        return self._consumer.consume(most, timeout_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


def test_records_that_come_with_the_end_of_their_partition_are_read(servers):
    """The end is told after the records before it, and closes the partition after them."""
    source = KafkaRange(
        bootstrap_servers=servers, topics={"predictions": Kind.PREDICTION, "labels": Kind.LABEL}
    )
    source._consumer = Together(source._consumer)
    read = []
    while batches := source.poll(1, 1_000_000):
        read += [len(batch.values) for batch in batches]
    source.close()
    assert len(RECORDS) == sum(read)


def test_a_second_reading_gives_the_same_bytes(servers, world):
    """However the broker cuts what it sends."""
    command = ("--from-kafka", "--bootstrap-servers", servers, "--final")
    assert _written(world, *command) == _written(world, *command)


def test_ranges_of_offsets_hold_both_ends(servers, world):
    """Nothing else is read: partitions that are not named neither."""
    ranges = {("predictions", 0): (20, 120), ("predictions", 2): (20, 120), ("labels", 0): (50, 380)}
    kept = [r for r in RECORDS if (span := ranges.get(r[:2])) and span[0] <= r[2] <= span[1]]
    options = [f"--offsets={t}:{p}:{a}-{b}" for (t, p), (a, b) in ranges.items()]
    samples = _written(world, "--from-kafka", "--bootstrap-servers", servers, *options)
    assert _written(world, *_files(world, kept)) == samples
    assert {20, 120} == {
        o for t, p, o, _r, _at in kept if (t, p) == ("predictions", 0) and o in (19, 20, 120, 121)
    }


def test_the_data_range_of_a_trigger_is_what_it_was_judged_on(servers, world):
    """``--range``: the window that the event speaks of comes out with the same value."""
    _, triggers, _ = _written(world, "--from-kafka", "--bootstrap-servers", servers)
    event = json.loads(triggers.splitlines()[0])
    (world / "event.json").write_text(json.dumps(event), encoding="utf-8")
    command = ("--from-kafka", "--bootstrap-servers", servers, "--range", world / "event.json")
    window = event["data"]["window"]
    samples, _, _ = _written(world, *command, "--until", "2026-03-03T00:00:00Z")
    found = [json.loads(line) for line in samples.splitlines()]
    values = {s["statistic"]: s["value"] for s in found if s["end"] == window["end"]}
    assert (event["data"]["violations"][0]["value"], window["events"]) == (
        values["accuracy"],
        values["events"],
    )


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--offsets", "predictions:0:0-100000"], 2, "predictions[0]: offset 100000 is not there yet; the newest is 239"),
        (["--offsets", "predictions:7:0-1"], 2, "predictions[7]: there is no such partition; there are 0 to 2"),
        (["--offsets", "predictions:0:0-1", "--offsets", "predictions:0:5-6"], 2, "predictions[0] is named twice"),
    ],
)  # fmt: skip
def test_offsets_that_are_not_there_are_told(servers, world, capsys, options, code, message):
    """Before anything is judged."""
    command = ["replay", "--config", str(world / "c.yaml"), "--stream", "main", "--from-kafka"]
    assert code == invoke([*command, "--bootstrap-servers", servers, *options])
    assert message in capsys.readouterr().err


def test_a_topic_that_is_not_there_is_told(servers, world, capsys):
    """And is not made by asking for it."""
    for _ in range(2):
        command = ["replay", "--config", str(world / "c.yaml"), "--stream", "other", "--from-kafka"]
        assert 2 == invoke([*command, "--bootstrap-servers", servers])
        assert f"Kafka at {servers} has no topic other-predictions" in capsys.readouterr().err
