"""Few ids in few minutes, so that everything collides: the engine equals the oracle, whatever is read first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from driftline.config.model import Config
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
from tests.oracle.fold import fold
from tests.oracle.logs import Record
from tests.oracle.reference import write_references
from tests.oracle.rules import triggers
from tests.oracle.setup import Setup

MINUTE = 60_000
START = 29_457_000 * MINUTE
SLOTS = [("m", "1"), ("m", "2")]
PARTITIONS = [("p", 0), ("p", 1), ("l", 0), ("l", 1)]
CONFIG = """
kafka: {bootstrap_servers: "localhost:9092", topics: {triggers: t, dead_letters: d, feedback: f}}
streams:
  s:
    predictions: [p]
    labels: [l]
    time: {step: 1m, out_of_orderness: 2m, allowed_lateness: 6m, max_future: 5m, max_skew: 1h, idle_after: 1h}
models:
  - match: m
    stream: s
    task: binary
    positive: "1"
    classes: ["0", "1"]
    windows:
      drift: [{length: 10m, slide: 5m}, {length: 20m, slide: 10m}]
      performance: [{length: 10m, slide: 5m}, {length: 20m, slide: 10m}]
    references: "references/{model}-{version}.json"
    labels: {delay: 15m, horizon: 70m, orphan_wait: 5m, corrections: 30m, min_coverage: 0.3}
    gates: {drift: 1, accuracy: 1, precision: 1, recall: 1, f1: 1}
rules:
  - name: low
    when: {metric: accuracy, window: 10m, below: 0.7}
    for: 5m
    then: retrain
    cooldown: 10m
  - name: low-twice
    when: {metric: f1, window: 10m, below: 0.9}
    for: 2 windows
    then: retrain
    max_gap: 10m
  - name: missing
    when: {metric: missing_ratio, window: 20m, feature: "*", above: 0.4}
    keep_firing_for: 10m
  - name: moved
    when: {metric: psi_deciles, window: 10m, feature: x, above: 3}
    no_data: fire
    max_gap: 10m
  - name: unlabelled
    when: {metric: label_coverage, window: 10m, below: 0.5}
    for: 5m
    no_data: reset
    max_gap: 5m
"""

ids_ = st.integers(0, 7)
prediction = st.tuples(ids_, st.integers(0, 60), st.sampled_from("01"), st.sampled_from([None, 0.1, 2.5]))
minutes = st.one_of(st.integers(0, 70), st.integers(0, 140))
label = st.tuples(ids_, minutes, st.sampled_from(["0", "1", None]), st.sampled_from([1, 1, 2]))
logs = st.tuples(*[st.lists(prediction, max_size=14)] * 2, *[st.lists(label, max_size=14)] * 2)
turns = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6), st.booleans()), max_size=30)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Setup]:
    """One model, as both sides are told of it; its version 2 has no reference."""
    folder = tmp_path_factory.mktemp("tight")
    write_references(folder, ["m"])
    path = folder / "config.yaml"
    path.write_text(CONFIG)
    return load(path), setup_of(path, "s", SLOTS, check_future=True)


def logged(log: tuple[list[tuple[Any, ...]], ...]) -> list[list[Record]]:
    """The partitions' records; copies of an id stay in one partition: even ids in 0, odd ones in 1."""
    out = []
    for (topic, partition), rows in zip(PARTITIONS, log, strict=True):
        records = []
        for offset, (key, minute, *said) in enumerate(rows):
            event = {
                "prediction_id": str(key // 2 * 2 + partition),
                "model": "m",
                "time": START + minute * MINUTE,
            }
            if topic == "p":
                event |= {
                    "version": "21"[key // 2 % 3 > 0],
                    "prediction": said[0],
                    "features": {"x": said[1], "y": key},
                }
            else:
                event |= {"label": said[0], "revision": said[1]}
            value = json.dumps(event).encode()
            records.append(Record(topic, partition, offset, START + minute * MINUTE, value))
        out.append(records)
    return out


def played(
    config: Config, kinds: Any, partitions: list[list[Record]], order: Any, stops: frozenset[int]
) -> Run:
    """The partitions in the given turns, killed and restored after some; then all that is left."""
    run = Run(config, "s", kinds)
    known = [key for key, records in zip(PARTITIONS, partitions, strict=True) if records]
    run.know(known)
    at = [0] * 4
    for turn, (which, count, advance) in enumerate([*order, *((i, 99, True) for i in range(4))]):
        piece = partitions[which][at[which] : at[which] + count]
        at[which] += len(piece)
        if piece:
            run.feed(piece)
        if advance:
            run.advance()
        if turn in stops:
            run.commit()
            run.restart()
    return run


@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@example(log=([], [(2, 7, "0", None), (0, 0, "0", None)], [], []), order=[], stops=frozenset())
@given(log=logs, order=turns, stops=st.frozensets(st.integers(0, 33)))
def test_collisions_equal_the_oracle(
    told: tuple[Config, Setup], log: tuple[list[tuple[Any, ...]], ...], order: Any, stops: frozenset[int]
) -> None:
    """Faults 49, 50 and 74: conflicts, orphans, corrections and retractions, read in any turns, killed anywhere."""
    config, setup = told
    partitions = logged(log)
    if not any(partitions):
        return
    records = [r for each in partitions for r in each]
    run = played(config, setup.kinds, partitions, order, stops)
    open_ = fold(setup, records)
    assert fresh_panes(open_.panes, open_.watermark) == fresh_panes(engine_panes(run.engine), open_.watermark)
    run.advance(closed_at=START + 300 * MINUTE)
    world = fold(setup, records, closed_at=START + 300 * MINUTE)
    assert [] == differences(oracle_samples(world), engine_samples(setup, run.lines))
    assert {t.id: t for t in triggers(setup, world)}.keys() == ids(run.messages)
    counts = run.engine.pipeline.join.counts
    for name in ("duplicate", "conflict", "orphan", "late_correction", "expired"):
        assert (name, world.logs.counts[name,]) == (name, counts[name])


def test_each_early_label_waits_for_itself(told: tuple[Config, Setup]) -> None:
    """Fault 49: of two labels before their prediction the first came too early, the second did not: it counts."""
    config, setup = told
    predictions = [(2, 22, "1", 0.1), (0, 20, "1", 0.1), (4, 40, "1", 0.1)]
    labels = [(0, 13, "0", 2), (0, 17, "1", 1), (6, 60, "1", 1)]
    partitions = logged(([], predictions, [], labels))
    world = fold(setup, [r for each in partitions for r in each])
    labels_first = [(1, 1, False), (3, 3, True), (1, 9, True)]
    run = played(config, setup.kinds, partitions, labels_first, frozenset())
    assert fresh_panes(world.panes, world.watermark) == fresh_panes(engine_panes(run.engine), world.watermark)


def test_copies_under_two_versions_count_under_the_first(told: tuple[Config, Setup]) -> None:
    """Fault 48: the lowest offset of an id is the first, also where a later copy in the batch names another version."""
    config, setup = told
    said = [("a", "1", 10), ("b", "2", 11), ("b", "1", 11), ("c", "1", 50)]
    records = []
    for offset, (name, version, minute) in enumerate(said):
        event = {"prediction_id": name, "model": "m", "version": version, "prediction": "1"}
        value = json.dumps({**event, "time": START + minute * MINUTE}).encode()
        records.append(Record("p", 0, offset, START + minute * MINUTE, value))
    world = fold(setup, records)
    run = played(config, setup.kinds, [records, [], [], []], [], frozenset())
    assert [] == differences(oracle_samples(world), engine_samples(setup, run.lines))
