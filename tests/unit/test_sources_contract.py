"""One contract of the Source port, on the fake, on files, on the embedded broker and on a real Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.reading import eventually, known, rows, values
from tests.worlds import EmbeddedWorld, FakeWorld, FileWorld, KafkaWorld, LiveWorld, World

REAL = pytest.param("kafka", marks=pytest.mark.kafka)


def _make(kind: str, request: pytest.FixtureRequest, folder: Path) -> World:
    if kind == "fake":
        return FakeWorld()
    if kind == "files":
        return FileWorld(folder)
    if kind == "embedded":
        return EmbeddedWorld()
    return KafkaWorld(request.getfixturevalue("any_kafka").bootstrap_servers)


@pytest.fixture(params=["fake", "files", "embedded", REAL])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Any source; what is read is written before it is opened."""
    made = _make(request.param, request, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["fake", "embedded", REAL])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveWorld]:
    """A source of logs: they grow, are cut, and hold tombstones and headers. Files do none of that."""
    made = _make(request.param, request, tmp_path)
    yield made  # type: ignore[misc]
    made.close()


def test_each_partition_is_read_in_offset_order_to_its_end(world: World) -> None:
    """Partitions may be mixed; within one the order is the log's, and the end is known."""
    for i in range(5):
        world.write(world.p, i % 2, b"%d" % i)
    world.write(world.l, 0, b"l")
    source = world.source()
    source.open({})
    found = rows(source, 6)
    assert [0, 1, 2] == [r[2] for r in found if r[:2] == (world.p, 0)]
    assert [b"1", b"3"] == [r[3] for r in found if r[:2] == (world.p, 1)]
    assert [(world.l, 0, 0, b"l", None)] == [r for r in found if r[0] == world.l]
    assert eventually(source, lambda: all(p.at_end for p in source.partitions()))
    assert {(world.p, 0): 3, (world.p, 1): 2, (world.l, 0): 1, (world.l, 1): 0} == {
        (p.topic, p.partition): p.position for p in source.partitions()
    }
    assert [] == source.verify()
    assert source.up


def test_reading_resumes_at_the_stored_offset(world: World) -> None:
    """A stored position is the next offset."""
    for i in range(4):
        world.write(world.p, 0, b"%d" % i)
    source = world.source()
    source.open({(world.p, 0): 2})
    assert [b"2", b"3"] == values(source, 2)


def test_a_batch_is_of_one_kind_and_no_larger_than_asked(world: World) -> None:
    """Predictions and labels never share a batch, and a poll ends at its bound."""
    for i in range(7):
        world.write(world.p, 0, b"%d" % i)
        world.write(world.l, 1, b"%d" % i)
    source = world.source()
    source.open({})
    polls = []
    assert known(source, 4)
    while sum(map(sum, polls)) < 14 and len(polls) < 200:
        batches = source.poll(0.1, 3)
        polls.append([len(b) for b in batches])
        assert all(
            {world.p: "prediction", world.l: "label"}[t] == str(b.kind) for b in batches for t, _ in b.sources
        )
    assert 14 == sum(map(sum, polls))
    assert all(sum(sizes) <= 3 for sizes in polls)


def test_a_paused_partition_gives_nothing_and_loses_nothing(world: World) -> None:
    """Resumed, it goes on where it was."""
    for i in range(3):
        world.write(world.p, 0, b"%d" % i)
    world.write(world.p, 1, b"other")
    source = world.source()
    source.open({(world.p, 0): 1})
    assert known(source, 4)
    source.pause([(world.p, 0)])
    assert [b"other"] == values(source, 1)
    assert [] == values(source, 1, 0.5), "the other partition gives nothing"
    source.resume([(world.p, 0)])
    assert [b"1", b"2"] == values(source, 2)


def test_telling_where_the_state_stands_changes_nothing(world: World) -> None:
    """Lag tools see it; reading does not."""
    world.write(world.p, 0, b"a")
    world.write(world.p, 0, b"b")
    source = world.source()
    source.open({(world.p, 0): 1})
    source.report({(world.p, 0): 0})
    assert [b"b"] == values(source, 1)
    assert 0 == source.report_failures
    assert [] == source.warnings()


def test_tombstones_empty_values_and_headers_come_through(live: LiveWorld) -> None:
    """A null value is None, an empty one is empty (Fault 35)."""
    live.write(live.p, 0, None)
    live.write(live.p, 0, b"")
    live.write(live.p, 0, b"v", [("ce_id", b"1")])
    source = live.source()
    source.open({})
    found = rows(source, 3)
    assert [None, b"", b"v"] == [r[3] for r in found]
    assert [("ce_id", b"1")] == found[2][4]


def test_a_partition_paused_while_it_is_read_goes_on_where_it_was(live: LiveWorld) -> None:
    """What is written meanwhile waits."""
    live.write(live.p, 0, b"a")
    source = live.source()
    source.open({})
    assert known(source, 4)
    assert [b"a"] == values(source, 1)
    source.pause([(live.p, 0)])
    live.write(live.p, 0, b"b")
    live.write(live.p, 1, b"other")
    assert [b"other"] == values(source, 1)
    assert [] == values(source, 1, 0.5), "the other partition gives nothing"
    source.resume([(live.p, 0)])
    assert [b"b"] == values(source, 1)


def test_what_appears_while_running_is_found_once_and_read_from_its_start(live: LiveWorld) -> None:
    """A new partition or topic is told by refresh (Faults 27, 28)."""
    source = live.source()
    source.open({})
    assert known(source, 4)
    key = live.grow()
    live.write(*key, b"new")
    assert [key] == eventually_new(source)
    assert [] == source.refresh()
    assert [b"new"] == values(source, 1)


def eventually_new(source: object) -> list[tuple[str, int]]:
    """What ``refresh`` tells first, without reading."""
    for _ in range(300):
        if found := source.refresh():  # type: ignore[attr-defined]
            return list(found)
        source.poll(0.05, 1)  # type: ignore[attr-defined]
    return []


def test_a_stored_offset_above_the_end_is_a_loss_and_is_not_read(live: LiveWorld) -> None:
    """The policy decides; the source only says it (Fault 25)."""
    live.write(live.p, 0, b"a")
    source = live.source()
    source.open({(live.p, 0): 7})
    assert known(source, 4)
    losses = source.verify()
    assert [(live.p, 0, 7)] == [(x.topic, x.partition, x.stored) for x in losses]
    assert "offset 7 is above the end, 1" == losses[0].why
    assert [] == values(source, 1, 0.5)


def test_a_stored_offset_below_the_oldest_record_is_a_loss_until_it_is_skipped(live: LiveWorld) -> None:
    """Only then reading goes on, at the first record that is there; other partitions never stop (Fault 24)."""
    for i in range(4):
        live.write(live.p, 0, b"%d" % i)
    live.write(live.p, 1, b"other")
    live.trim(live.p, 0, 3)
    source = live.source()
    source.open({(live.p, 0): 1})
    assert known(source, 4)
    losses = source.verify()
    assert ["offset 1 is below the oldest record, 3"] == [x.why for x in losses]
    assert [b"other"] == values(source, 1)
    assert [] == values(source, 1, 0.5), "the other partition gives nothing"
    assert {(live.p, 0): 3} == dict(source.skip(losses))
    assert [] == source.verify()
    assert [b"3"] == values(source, 1)
