"""The daemon's whole path on JSON events, against a bare loop of consume + msgspec decode on the same messages.

Both run in one process after another, on the embedded broker in a process of its own; CPU time of this
process, librdkafka's threads included. Prints µs an event of both and their ratio (1 is the ceiling).
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from driftline.demo.processes import start_broker, stop
from driftline.gc_policy import collect_seldom
from driftline.pipeline.stream import StreamEngine
from driftline.records import Kind
from driftline.reference.build import build_profile
from driftline.reference.options import BuildOptions
from driftline.reference.profile import Profile
from driftline.settings import DAY_MS, Limits, ModelSettings, StreamSettings, Task, TimeSettings, Window
from driftline.sources.kafka import KafkaSource
from driftline.wiring import build_pipeline

START_MS = 1_790_000_000_000
PARTITIONS = 16


class Event(msgspec.Struct):
    """What the bare loop decodes."""

    prediction_id: str
    model: str
    time: Any = None
    version: str | None = None
    features: dict[str, Any] | None = None
    prediction: Any = None
    score: float | None = None
    label: Any = None
    revision: int | None = None


def reference(features: int) -> Profile:
    """A reference of normal columns."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.csv"
        with path.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow([*(f"f{i}" for i in range(features)), "p", "s", "y"])
            for row in rng.normal(size=(20_000, features)):
                score = rng.random()
                writer.writerow([*row, int(score > 0.5), score, int(rng.random() < score)])
        options = BuildOptions(model="m", version="1", prediction="p", score="s", label="y", positive="1")
        return build_profile(path, options)


@dataclass(frozen=True)
class Load:
    """What is sent: predictions and their labels, a second apart, spread over models and partitions."""

    features: int
    events: int
    models: int = 1
    partitions: int = PARTITIONS
    arrow: int = 0
    """Events in one Arrow message; 0: JSON, one a message."""

    @property
    def names(self) -> list[str]:
        """The models."""
        return [f"m{i}" for i in range(self.models)]


def events_of(load: Load) -> Iterator[tuple[str, dict[str, Any]]]:
    """(topic, event) in order of time."""
    rng = np.random.default_rng(2)
    for i, row in enumerate(rng.normal(size=(load.events, load.features)).round(6).tolist()):
        score, at = (i * 37 % 1000) / 1000, START_MS + i * 20
        model = f"m{i % load.models}"
        features = {f"f{j}": v for j, v in enumerate(row)}
        yield "predictions", {
            "prediction_id": f"p{i}", "model": model, "version": "1", "time": at, "features": features,
            "prediction": int(score > 0.5), "score": score,
        }  # fmt: skip
        yield (
            "labels",
            {"prediction_id": f"p{i}", "model": model, "label": int(i % 3 == 0), "time": at + 1000},
        )


def messages_of(load: Load) -> Iterator[tuple[str, int, bytes]]:
    """(topic, partition, value)."""
    if not load.arrow:
        encode = msgspec.json.Encoder().encode
        for i, (topic, event) in enumerate(events_of(load)):
            yield topic, i // 2 % load.partitions, encode(event)
        return
    held: dict[str, list[dict[str, Any]]] = {"predictions": [], "labels": []}
    sent = 0
    for topic, event in events_of(load):
        held[topic].append(event)
        if len(held[topic]) == load.arrow:
            yield topic, sent // 2 % load.partitions, arrow_stream(held[topic])
            held[topic], sent = [], sent + 1


def arrow_stream(events: list[dict[str, Any]]) -> bytes:
    """Events as one Arrow IPC stream."""
    table = pa.Table.from_pylist(events).flatten()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def send(servers: str, load: Load) -> int:
    """Returns the number of events sent."""
    producer = Producer(
        {"bootstrap.servers": servers, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000}
    )
    for i, (topic, partition, value) in enumerate(messages_of(load)):
        producer.produce(topic, value=value, partition=partition)
        if i % 1000 == 0:
            producer.poll(0)
    producer.flush(60)
    return 2 * load.events


def bare(servers: str, messages: int, partitions: int = PARTITIONS) -> float:
    """µs of CPU an event of consume + decode."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bare", "queued.min.messages": 100_000})
    consumer.assign(
        [TopicPartition(t, p, OFFSET_BEGINNING) for t in ("predictions", "labels") for p in range(partitions)]
    )
    decode = msgspec.json.Decoder(Event).decode
    start, seen = time.process_time(), 0
    while seen < messages:
        consumer.poll(0.5)
        for message in consumer.consume(10_000, 0):
            decode(message.value() or b"")
            seen += 1
        seen += 1
    spent = time.process_time() - start
    consumer.close()
    return spent / messages * 1e6


def whole(servers: str, load: Load, profile: Profile) -> float:
    """µs of CPU an event of source, decode, stamp, join, panes and judging with nothing left out."""
    window = Window(DAY_MS, DAY_MS // 48)
    model = ModelSettings(
        match="m*", stream="s", task=Task.BINARY, positive="1", drift_windows=(window,), performance_windows=(window,),
        references="x",
    )  # fmt: skip
    stream = StreamSettings(
        name="s", predictions=("predictions",), labels=("labels",), time=TimeSettings(max_future_ms=None)
    )
    pipeline = build_pipeline(stream, (model,), Limits(), lambda *_: profile)
    engine = StreamEngine(pipeline)
    source = KafkaSource(
        bootstrap_servers=servers, topics={"predictions": Kind.PREDICTION, "labels": Kind.LABEL}, group_id="whole",
        properties={"queued.min.messages": 100_000},
    )  # fmt: skip
    source.open({})
    for name in load.names:  # meeting a model lays out its panes, once: no cost of an event
        for version in ("1", ""):
            pipeline.registry.schema_of(name, version)
    messages = 2 * load.events // max(1, load.arrow)
    start, seen = time.process_time(), 0
    while seen < messages:
        batches = source.poll(0.5, 20_000)
        source.refresh()
        for batch in batches:
            seen += len(batch)
            engine.pipeline.feed(batch)
        engine.advance(frozenset(), 0)
    engine.pipeline.catch_up()
    spent = time.process_time() - start
    source.close()
    held = sum(slot.predictions for slot in engine.pipeline.registry.slots)
    if held != load.events:
        raise SystemExit(f"{held} predictions were counted of {load.events}")
    return spent / load.events / 2 * 1e6


def main() -> None:
    """12 and 50 features, labels included."""
    collect_seldom()
    for load in (Load(12, 150_000), Load(50, 60_000)):
        profile = reference(load.features)
        broker, servers = start_broker(load.partitions)
        try:
            messages = send(servers, load)
            # In turn, and the best of each: the machines are noisy.
            pairs = [
                (bare(servers, messages, load.partitions), whole(servers, load, profile)) for _ in range(3)
            ]
        finally:
            stop(broker)
        floor, ours = (min(times) for times in zip(*pairs, strict=True))
        print(
            f"{load.features} features: bare {floor:.2f} µs/event, whole path {ours:.2f} µs/event,"
            f" ratio {floor / ours:.2f} (aim 0.5)"
        )


if __name__ == "__main__":
    main()
