"""The engine equals the oracle exactly: any interleaving, any cut into batches, a crash at any point."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.engine import (
    Run,
    differences,
    engine_panes,
    engine_samples,
    fresh_panes,
    ids,
    load,
    oracle_samples,
    setup_of,
)
from tests.oracle.fold import World, fold
from tests.oracle.logs import Record
from tests.oracle.reference import write_references
from tests.oracle.rules import triggers
from tests.oracle.setup import Setup
from tests.oracle.traffic import Sent, Traffic, config_text

SLOTS = [(model, version) for model in ("a", "b") for version in ("1", "2")]


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One stream with two models; version 2 has no reference."""
    folder = tmp_path_factory.mktemp("oracle")
    write_references(folder, ["a", "b"])
    path = folder / "config.yaml"
    path.write_text(config_text("localhost:9092", "a", 9464, {"s": ["a", "b"]}))
    return path


def logged(sent: list[Sent]) -> list[Record]:
    """The records as the topics hold them."""
    ends: dict[tuple[str, int], int] = {}
    records = []
    for s in sent:
        key = (s.topic, s.partition)
        ends[key] = ends.get(key, -1) + 1
        records.append(Record(s.topic, s.partition, ends[key], s.timestamp, s.value))
    return records


def cuts(records: list[Record], rng: random.Random, largest: int) -> Iterator[list[Record]]:
    """Batches of one kind: partitions in any turns, each in its own order."""
    logs: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        logs.setdefault((record.topic, record.partition), []).append(record)
    at = dict.fromkeys(logs, 0)
    while open_ := [key for key in logs if at[key] < len(logs[key])]:
        topic = rng.choice(open_)[0]
        batch: list[Record] = []
        for key in rng.sample(open_, rng.randint(1, len(open_))):
            if key[0] == topic:
                count = rng.randint(1, largest)
                batch += logs[key][at[key] : at[key] + count]
                at[key] += count
        if batch:
            yield batch


def played(setup: Setup, path: Path, records: list[Record], seed: int, largest: int, crashes: float) -> Run:
    """The engine, fed in cuts of a seed, committed and killed now and then: what was read after is read again."""
    rng = random.Random(seed)
    run = Run(load(path), setup.stream, setup.kinds)
    partitions = {(r.topic, r.partition) for r in records}
    run.know(partitions)
    run.commit()
    batches = list(cuts(records, rng, largest))
    place, committed, said = 0, 0, 0
    while place < len(batches):
        run.feed(batches[place])
        place += 1
        if rng.random() < 0.7:
            run.advance()
        if rng.random() < 0.3:
            run.commit()
            committed, said = place, len(run.messages)
        if rng.random() < crashes:
            place = committed
            del run.messages[said:]
            run.restart()
            run.know(partitions)
    run.advance()
    return run


def check(setup: Setup, world: World, run: Run) -> None:
    """Samples, triggers, panes and counters: nothing may differ."""
    assert [] == differences(oracle_samples(world), engine_samples(setup, run.lines))[:5]
    expected = {t.id: t for t in triggers(setup, world)}
    actual = ids(run.messages)
    assert [] == [t for i, t in expected.items() if i not in actual]
    assert set() == actual - expected.keys()
    pipeline = run.engine.pipeline
    assert world.watermark == pipeline.watermark_ms
    assert fresh_panes(world.panes, world.watermark) == fresh_panes(engine_panes(run.engine), world.watermark)
    wanted = ("events_consumed", "events_rejected", "events_unmonitored", "events_late")
    mine = {k: n for k, n in world.logs.counts.items() if k[0] in wanted and n}
    assert mine == {k: n for k, n in pipeline.counts.items() if k[0] in wanted and n}
    for name in ("duplicate", "conflict"):
        assert world.logs.counts[name,] == pipeline.join.counts[name]


@pytest.mark.parametrize("seed", range(2))
def test_large_cuts_equal_the_oracle(config_path: Path, seed: int) -> None:
    """Faults 48 to 51, 56, 57 and 59: copies, labels of every kind, late events and future ones: as the oracle counts."""
    setup = setup_of(config_path, "s", SLOTS, check_future=True)
    records = logged(Traffic(seed, "s", ("a", "b"), minutes=60 * 30, every_ms=4 * 60_000).records())
    world = fold(setup, records)
    kinds = {t.type for t in triggers(setup, world)}
    assert 5 == len(kinds), "a seed without all kinds of triggers shows little"
    check(setup, world, played(setup, config_path, records, seed, 400, 0.0))


@pytest.mark.parametrize("seed", range(10, 12))
def test_small_cuts_with_crashes_equal_the_oracle(config_path: Path, seed: int) -> None:
    """Faults 1, 47 and 74: killed every few batches, and what was not committed read again: nothing differs."""
    setup = setup_of(config_path, "s", SLOTS, check_future=True)
    records = logged(
        Traffic(seed, "s", ("a", "b"), minutes=60 * 16, every_ms=4 * 60_000, spell_hours=3).records()
    )
    world = fold(setup, records)
    assert triggers(setup, world)
    check(setup, world, played(setup, config_path, records, seed, 25, 0.1))


@pytest.mark.parametrize("first", ["labels", "predictions"])
def test_one_side_drained_before_the_other_equals_the_oracle(config_path: Path, first: str) -> None:
    """Fault 73: after a downtime all labels are read before any prediction, or the other way round: nothing differs."""
    setup = setup_of(config_path, "s", SLOTS, check_future=True)
    records = logged(
        Traffic(20, "s", ("a", "b"), minutes=60 * 16, every_ms=5 * 60_000, spell_hours=3).records()
    )
    world = fold(setup, records)
    run = Run(load(config_path), "s", setup.kinds)
    run.know({(r.topic, r.partition) for r in records})
    for part in ([r for r in records if first in r.topic], [r for r in records if first not in r.topic]):
        for batch in cuts(part, random.Random(20), 500):
            run.feed(batch)
            run.advance()
    check(setup, world, run)
