"""Messages to batches: the same columns as a plain step a message gives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from confluent_kafka import KafkaError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftline.records import Kind, RawBatch
from driftline.sources.messages import batches, next_offsets, split

TOPICS = {"p": Kind.PREDICTION, "q": Kind.PREDICTION, "l": Kind.LABEL}
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
STRETCH = st.tuples(st.sampled_from(sorted(TOPICS)), st.integers(0, 2), st.integers(0, 4), st.integers(1, 5))
"""(topic, partition, offsets skipped before it, length)"""


def _log(stretches: list[tuple[str, int, int, int]]) -> list[Message]:
    next_: dict[tuple[str, int], int] = {}
    made = []
    for topic, partition, gap, length in stretches:
        offset = next_.get((topic, partition), 0) + gap
        made += [_record(topic, partition, offset + i) for i in range(length)]
        next_[topic, partition] = offset + length
    return made


def _record(topic: str, partition: int, offset: int, headers: Any = None) -> Message:
    value = f"{topic}/{partition}/{offset}".encode()
    return Message(
        topic=topic, partition=partition, offset=offset, value=value, timestamp=(1, 1000 + offset), headers=headers
    )  # fmt: skip


def _rows(batch: RawBatch) -> list[tuple[Any, ...]]:
    headers = batch.headers or [None] * len(batch)
    return [
        (*batch.sources[batch.source[i]], int(batch.offsets[i]), int(batch.timestamps_ms[i]), batch.values[i], headers[i])
        for i in range(len(batch))
    ]  # fmt: skip


def _plain(messages: list[Message], kind: Kind) -> list[tuple[Any, ...]]:
    return [
        (m.topic(), m.partition(), m.offset(), m.timestamp()[1], m.value(), m.headers())
        for m in messages
        if TOPICS[m.topic()] is kind
    ]


@UNHURRIED
@given(st.lists(STRETCH, min_size=1, max_size=12))
def test_any_mixture_of_partitions_and_gaps_gives_each_record_its_own_place(
    stretches: list[tuple[str, int, int, int]],
) -> None:
    """Runs, gaps from compaction, topics that follow each other with one partition number (Fault 33)."""
    messages = _log(stretches)
    made = batches(messages, TOPICS)
    for kind in Kind:
        rows = [row for batch in made if batch.kind is kind for row in _rows(batch)]
        assert _plain(messages, kind) == rows
    assert all(batch.sources for batch in made)


@UNHURRIED
@given(st.lists(STRETCH, min_size=1, max_size=12))
def test_reading_goes_on_behind_the_last_record_of_each_partition(
    stretches: list[tuple[str, int, int, int]],
) -> None:
    """The next offset of a partition is one more than its greatest."""
    messages = _log(stretches)
    expected = {(m.topic(), m.partition()): m.offset() + 1 for m in messages}
    actual: dict[tuple[str, int], int] = {}
    for batch in batches(messages, TOPICS):
        actual |= next_offsets(batch)
    assert expected == actual


def test_a_hole_filled_by_another_partition_is_not_taken_for_a_run() -> None:
    """Offsets 0, (1), 2 with another partition's 1 in between are three runs, not one."""
    messages = [_record("p", 0, 0), _record("q", 0, 1), _record("p", 0, 2)]
    (batch,) = batches(messages, TOPICS)
    assert [("p", 0), ("q", 0), ("p", 0)] == [batch.sources[code] for code in batch.source]
    assert [0, 1, 2] == batch.offsets.tolist()


def test_events_are_told_from_records_wherever_they_stand() -> None:
    """The end of a partition is an event; a tombstone is a record."""
    end = Message(topic="p", partition=0, offset=2, error=KafkaError(KafkaError._PARTITION_EOF))
    tombstone = Message(topic="p", partition=0, offset=1, value=None, timestamp=(1, 5))
    messages = [_record("p", 0, 0), tombstone, end, _record("l", 0, 0)]
    records, events = split(messages)
    assert [end] == events
    assert [messages[0], tombstone, messages[3]] == list(records)


def test_headers_of_one_record_leave_the_others_without() -> None:
    """A batch in which any record has headers carries one entry for each."""
    messages = [_record("p", 0, 0), _record("p", 0, 1, [("ce_id", b"1")]), _record("p", 0, 2)]
    (batch,) = batches(messages, TOPICS)
    assert [None, [("ce_id", b"1")], None] == list(batch.headers or [])


def test_offsets_rise_within_each_partition() -> None:
    """What the stages rely on: order within a partition, whatever the mixture."""
    messages = _log([("p", 0, 0, 3), ("p", 1, 5, 2), ("p", 0, 2, 2)])
    (batch,) = batches(messages, TOPICS)
    for code in range(len(batch.sources)):
        offsets = batch.offsets[batch.source == code].tolist()
        assert all(a < b for a, b in pairwise(offsets))
