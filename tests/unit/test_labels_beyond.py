"""Until when a label counts in a window: its pane's last judgement, and what rules look back to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from driftline.pipeline.judging import Judging
from driftline.pipeline.stream import StreamEngine
from driftline.records import Kind, RawBatch
from driftline.rules.parse import parse_rules
from driftline.rules.spec import RuleSpec
from driftline.settings import DAY_MS, WindowKind
from tests.faults.small_stream import MINUTE, MODELS, START, fresh_engine

AGO = 4 * DAY_MS
MODEL = replace(
    MODELS[0],
    performance_windows=MODELS[0].performance_windows[:1],
    labels=replace(MODELS[0].labels, horizon_ms=AGO, orphan_wait_ms=0),
)
OPEN = (5 + 10 + 3) * MINUTE
"""Of the window of 10 minutes by 5, judged 3 minutes after its end: from the start of a pane to its last judgement."""


def feed(engine: StreamEngine, kind: Kind, offset: int, at_ms: int, **event: object) -> None:
    """One record of a partition, read and advanced by."""
    topic = {Kind.PREDICTION: "predictions", Kind.LABEL: "labels"}[kind]
    value = json.dumps({"model": "b", "version": "1", "time": at_ms, **event}).encode()
    one = np.zeros(1, np.int64)
    engine.pipeline.feed(RawBatch(kind, ((topic, 0),), one.astype(np.int32), one + offset, one - 1, [value]))
    engine.advance(frozenset(), 0)


def counted(known_ms: int, rules: tuple[RuleSpec, ...] = ()) -> tuple[int, int]:
    """(labels in the pane of the short window, labels beyond a window) of a label known at an effective time."""
    engine = fresh_engine([], (MODEL,))
    slots = engine.pipeline.registry.slots
    if rules:
        engine = StreamEngine(engine.pipeline, Judging(rules, "s", "triggers", DAY_MS, slots))
    engine.pipeline.watermarks = {("predictions", 0): -(1 << 62), ("labels", 0): -(1 << 62)}
    feed(engine, Kind.PREDICTION, 0, START + MINUTE, prediction_id="a", prediction=1)
    feed(engine, Kind.LABEL, 0, known_ms, prediction_id="a", label="1")
    for place, kind in enumerate((Kind.PREDICTION, Kind.LABEL), 1):
        feed(engine, kind, place, known_ms + 2 * MINUTE + 1, prediction_id="b", label="1", prediction=1)
    engine.pipeline.catch_up()
    pane = slots[0].performance_panes[0].panes.get(START)
    return 0 if pane is None else int(pane.counts[0]), engine.pipeline.counts["labels_beyond_window",]


def rules(**more: object) -> tuple[RuleSpec, ...]:
    """One rule on the short window."""
    when = {"metric": "accuracy", "window": "10m", "below": 0.5}
    found, problems = parse_rules([{"name": "r", "when": when, "then": "retrain", **more}], "rules")
    assert problems == []
    return tuple(found)


PREVIOUS = {"metric": "accuracy", "window": "10m", "drop": "5 points", "versus": "previous window"}


@pytest.mark.parametrize(
    ("asked", "open_ms"),
    [
        ((), OPEN),
        (rules(retract_within="0s"), OPEN),
        (rules(retract_within="20m", **{"for": "10m"}), OPEN + 30 * MINUTE),
        (rules(retract_within="0s", when=PREVIOUS), OPEN + 10 * MINUTE),
        (rules(then="notify"), OPEN),
    ],
)
def test_a_label_counts_until_its_pane_is_of_no_more_use(asked: tuple[RuleSpec, ...], open_ms: int) -> None:
    """To the millisecond; then it counts in longer windows only, and as beyond this one."""
    assert (1, 0) == counted(START + open_ms - 1, asked)
    assert (0, 1) == counted(START + open_ms, asked)


def test_panes_are_kept_for_the_page_longer_than_labels_count_in_them() -> None:
    """One length back."""
    engine = fresh_engine([], (MODEL,))
    pipeline = engine.pipeline
    slot = pipeline.registry.slot("b", "1")
    assert slot is not None
    (panes,) = slot.performance_panes
    assert OPEN == pipeline.open_ms(slot, WindowKind.PERFORMANCE, panes)
    assert OPEN + 10 * MINUTE == pipeline.lifetime_ms(slot, WindowKind.PERFORMANCE, panes)
