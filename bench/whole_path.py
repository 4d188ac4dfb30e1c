"""The daemon's whole path on JSON events, against a bare loop of consume + msgspec decode on the same messages.

Both run in one process after another, on the embedded broker in a process of its own; CPU time of this
process, librdkafka's threads included. Prints µs an event of both and their ratio (1 is the ceiling).
"""

from __future__ import annotations

import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from driftline.decode import make_decoder
from driftline.demo.processes import start_broker, stop
from driftline.gc_policy import collect_seldom
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.slots import Registry
from driftline.pipeline.stream import StreamEngine
from driftline.records import Kind
from driftline.reference.build import BuildOptions, build_profile
from driftline.reference.profile import Profile
from driftline.settings import DAY_MS, Limits, ModelSettings, StreamSettings, Task, TimeSettings, Window
from driftline.sources.kafka import KafkaSource

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


def send(servers: str, features: int, events: int) -> int:
    """Predictions and their labels, a second apart; returns the number of messages."""
    rng = np.random.default_rng(2)
    producer = Producer(
        {"bootstrap.servers": servers, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000}
    )
    values = rng.normal(size=(events, features)).round(6).tolist()
    for i, row in enumerate(values):
        score = (i * 37 % 1000) / 1000
        at = START_MS + i * 20
        event = {
            "prediction_id": f"p{i}", "model": "m", "version": "1", "time": at,
            "features": {f"f{j}": v for j, v in enumerate(row)}, "prediction": int(score > 0.5), "score": score,
        }  # fmt: skip
        label = {"prediction_id": f"p{i}", "model": "m", "label": int(i % 3 == 0), "time": at + 1000}
        for topic, value in (("predictions", event), ("labels", label)):
            producer.produce(topic, value=msgspec.json.encode(value), partition=i % PARTITIONS)
        if i % 1000 == 0:
            producer.poll(0)
    producer.flush(60)
    return 2 * events


def bare(servers: str, messages: int) -> float:
    """µs of CPU an event of consume + decode."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bare", "queued.min.messages": 100_000})
    consumer.assign(
        [TopicPartition(t, p, OFFSET_BEGINNING) for t in ("predictions", "labels") for p in range(PARTITIONS)]
    )
    decode = msgspec.json.Decoder(Event).decode
    start, seen = time.process_time(), 0
    while seen < messages:
        consumer.poll(0.5)
        for message in consumer.consume(10_000, 0):
            decode(message.value())
            seen += 1
        seen += 1
    spent = time.process_time() - start
    consumer.close()
    return spent / messages * 1e6


def whole(servers: str, messages: int, profile: Profile) -> float:
    """µs of CPU an event of source, decode, stamp, join, panes and judging with nothing left out."""
    window = Window(DAY_MS, DAY_MS // 48)
    model = ModelSettings(
        match="m", stream="s", task=Task.BINARY, positive="1", drift_windows=(window,), performance_windows=(window,),
        references="x",
    )  # fmt: skip
    registry = Registry((model,), Limits(), lambda _s, _m, _v: profile)
    decoders = {
        k: make_decoder("driftline", k, schema_of=registry.schema_of, limits=Limits(), from_record=False)
        for k in Kind
    }
    stream = StreamSettings(
        name="s", predictions=("predictions",), labels=("labels",), time=TimeSettings(max_future_ms=None)
    )
    engine = StreamEngine(Pipeline(stream, registry, Limits(), decoders))
    source = KafkaSource(
        bootstrap_servers=servers, topics={"predictions": Kind.PREDICTION, "labels": Kind.LABEL}, group_id="whole",
        properties={"queued.min.messages": 100_000},
    )  # fmt: skip
    source.open({})
    start, seen = time.process_time(), 0
    while seen < messages:
        batches = source.poll(0.5, 20_000)
        source.refresh()
        for batch in batches:
            seen += len(batch)
            engine.pipeline.feed(batch)
        engine.advance(frozenset(), 0)
    spent = time.process_time() - start
    source.close()
    held = sum(slot.predictions for slot in engine.pipeline.registry.slots)
    if 2 * held != messages:
        raise SystemExit(f"{held} predictions were counted of {messages // 2}")
    return spent / messages * 1e6


def main() -> None:
    """12 and 50 features, labels included."""
    collect_seldom()
    for features, events in ((12, 150_000), (50, 60_000)):
        profile = reference(features)
        broker, servers = start_broker(PARTITIONS)
        try:
            messages = send(servers, features, events)
            floor = [bare(servers, messages) for _ in range(2)]
            ours = [whole(servers, messages, profile) for _ in range(2)]
        finally:
            stop(broker)
        print(
            f"{features} features: bare {min(floor):.2f} µs/event, whole path {min(ours):.2f} µs/event,"
            f" ratio {min(floor) / min(ours):.2f} (aim 0.5)"
        )


if __name__ == "__main__":
    main()
