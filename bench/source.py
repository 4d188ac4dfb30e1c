"""The source against a bare loop of `consume` and `value()` on the same messages.

Prints ns of CPU a message: of both whole, librdkafka's threads included, and of what the source adds to
librdkafka's messages once they are there (columns, offsets, positions), beside the bare loop's `value()`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from driftline.demo.processes import start_broker, stop
from driftline.records import Kind
from driftline.sources.kafka import KafkaSource
from driftline.sources.messages import batches, next_offsets, split

TOPICS = {"predictions": Kind.PREDICTION, "labels": Kind.LABEL}
PARTITIONS = 16
MESSAGES = 200_000
ROUNDS = 3


def send(servers: str) -> None:
    """Messages of the size of an event with 12 features."""
    producer = Producer(
        {"bootstrap.servers": servers, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000}
    )
    for i in range(MESSAGES // len(TOPICS)):
        for topic in TOPICS:
            producer.produce(topic, value=b"x" * 300, partition=i % PARTITIONS)
        if i % 1000 == 0:
            producer.poll(0)
    producer.flush(60)


def bare(servers: str) -> tuple[float, list[list[Message]]]:
    """Consume and value alone; also returns what came, poll by poll."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bare", "queued.min.messages": 100_000})
    consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t in TOPICS for p in range(PARTITIONS)])
    start, seen, kept = time.process_time(), 0, []
    while seen < MESSAGES:
        first = consumer.poll(0.5)
        found = consumer.consume(10_000, 0)
        found = found if first is None else [first, *found]
        seen += len([m.value() for m in found])
        kept.append(found)
    spent = time.process_time() - start
    consumer.close()
    return spent, [found for found in kept if found]


def source(servers: str) -> float:
    """The same through the port."""
    reader = KafkaSource(
        bootstrap_servers=servers, topics=TOPICS, properties={"queued.min.messages": 100_000}
    )
    reader.open({})
    start, seen = time.process_time(), 0
    while seen < MESSAGES:
        seen += sum(len(batch) for batch in reader.poll(0.5, 20_000))
    spent = time.process_time() - start
    reader.close()
    return spent


def columns(messages: list[Message]) -> None:
    """What the source does with what librdkafka hands over."""
    records, _events = split(messages)
    for batch in batches(records, TOPICS):
        next_offsets(batch)


def fastest(work: Callable[[list[Message]], Any], polls: list[list[Message]]) -> float:
    """Seconds of the fastest of some rounds over all polls."""
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for messages in polls:
            work(messages)
        spent.append(time.process_time() - start)
    return min(spent)


def main() -> None:
    """Both, in turns."""
    broker, servers = start_broker(PARTITIONS)
    try:
        send(servers)
        pairs = [(bare(servers), source(servers)) for _ in range(ROUNDS)]
    finally:
        stop(broker)
    scale = 1e9 / MESSAGES
    floor, ours = min(b for (b, _), _ in pairs) * scale, min(s for _, s in pairs) * scale
    polls = pairs[0][0][1]
    added, values = fastest(columns, polls), fastest(lambda found: [m.value() for m in found], polls)
    print(f"bare loop {floor:.0f} ns a message, source {ours:.0f} ns, ratio {floor / ours:.2f}")
    print(
        f"of that columns, offsets and positions {added * scale:.0f} ns, value() alone {values * scale:.0f} ns"
    )


if __name__ == "__main__":
    main()
