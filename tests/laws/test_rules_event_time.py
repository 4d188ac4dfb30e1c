"""Rules over a pipeline: no cut of the log, no interleaving, no restart and no silence changes a message."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.pipeline.judging import Judging
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.records import Kind, RawBatch
from driftline.reference.bins import bins_id, numeric_profile
from driftline.reference.profile import Profile
from driftline.rules.parse import parse_rules
from driftline.settings import (
    DEFAULT_GATES,
    HOUR_MS,
    LabelSettings,
    Limits,
    ModelSettings,
    StreamSettings,
    Task,
    TimeSettings,
    Window,
)  # fmt: skip
from driftline.wiring import build_pipeline
from tests.restarts import restarted

MINUTE = 60_000
START = 1_000_000 * MINUTE
WINDOWS = (Window(10 * MINUTE, 5 * MINUTE), Window(60 * MINUTE, 20 * MINUTE))
MODEL = ModelSettings(
    match="m", stream="s", task=Task.BINARY, positive="1", classes=("0", "1"), drift_windows=WINDOWS,
    performance_windows=WINDOWS, gates={**dict.fromkeys(DEFAULT_GATES, 0), "accuracy": 2},
    labels=LabelSettings(
        delay_ms=3 * MINUTE, horizon_ms=200 * MINUTE, orphan_wait_ms=5 * MINUTE, corrections_ms=100 * MINUTE,
        min_coverage=0.0,
    ),
)  # fmt: skip
STREAM = StreamSettings(
    name="s", predictions=("predictions",), labels=("labels",),
    time=TimeSettings(out_of_orderness_ms=2 * MINUTE, allowed_lateness_ms=6 * MINUTE, max_future_ms=None),
)  # fmt: skip
COLUMNS = (numeric_profile("x", np.arange(40.0)),)
REFERENCE = Profile(
    model="m", version="1", task=Task.BINARY, positive="1", id="r", sha256="0" * 64, bins_id=bins_id(COLUMNS, ()),
    rows=40, numeric=COLUMNS, categorical=(),
)  # fmt: skip
LOW = {"metric": "accuracy", "window": "10m", "below": 0.6}
MANY = {"metric": "throughput", "window": "10m", "above": 0.004}
SLOW = {"metric": "accuracy", "window": "1h", "below": 0.7}
CLASS = {"metric": "recall", "class": "*", "window": "10m", "below": 0.5}


def rule(name: str, when: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rule that asks for retraining."""
    return {"name": name, "when": when, "then": "retrain", "active_for": "4h", **more}


RULES = st.lists(
    st.fixed_dictionaries(
        {"when": st.sampled_from((LOW, SLOW, CLASS, MANY, {"any": [LOW, SLOW]}, {"all": [SLOW, MANY]}))},
        optional={
            "for": st.sampled_from(("10m", "25m", "2 windows", "1h")),
            "no_data": st.sampled_from(("hold", "reset", "fire")),
            "keep_firing_for": st.sampled_from(("7m", "30m")),
            "max_gap": st.sampled_from(("5m", "20m")),
            "cooldown": st.sampled_from(("15m", "45m")),
            "unless": st.sampled_from((MANY, {"metric": "events", "window": "1h", "below": 4})),
            "then": st.sampled_from(("notify", "retrain")),
            "retract_within": st.sampled_from(("0s", "30m", "2h")),
        },
    ),
    min_size=1,
    max_size=3,
).map(lambda found: [rule(f"r{i}", **f) for i, f in enumerate(found)])

clusters = st.sampled_from((0, 0, 0, 25, 90, 200, 500))
prediction = st.tuples(st.integers(0, 40), clusters, st.integers(0, 30), st.integers(0, 1))
label = st.tuples(
    st.integers(0, 40), clusters, st.integers(0, 60), st.sampled_from(["0", "1", None]), st.integers(1, 3)
)
logs = st.tuples(*[st.lists(prediction, max_size=25)] * 2, *[st.lists(label, max_size=25)] * 2)
orders = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), max_size=30)


def bytes_of(kind: Kind, row: tuple) -> bytes:
    """An event; half of the predictions are of a second version."""
    key, base, minute, answer, *revision = row
    event: dict[str, Any] = {
        "prediction_id": str(key),
        "model": "m",
        "time": START + (base + minute) * MINUTE,
    }
    if kind is Kind.PREDICTION:
        event |= {"version": str(key % 3 // 2), "prediction": answer, "score": 0.25 + answer / 2}
        event["features"] = {"x": key % 11 + base / 20}
    else:
        event |= {"label": answer, "revision": revision[0]}
    return json.dumps(event).encode()


class Run:
    """The same log, read in any turns; copies of an id stay in one partition."""

    def __init__(self, log: tuple, rules: list[dict[str, Any]], *, samples: bool = False) -> None:
        self.specs, problems = parse_rules(rules, "rules")
        assert problems == []
        self.samples = samples
        self.parts = []
        for place, rows in enumerate(log):
            kind = Kind.PREDICTION if place < 2 else Kind.LABEL
            mine = [(row[0] // 2 * 2 + place % 2, *row[1:]) for row in rows]
            mine.sort(key=lambda r: r[1] + r[2] // 4)  # shuffled by 4 minutes at most
            topic = "predictions" if place < 2 else "labels"
            self.parts.append((kind, topic, place % 2, [bytes_of(kind, r) for r in mine]))
        self.at = [0] * 4
        self.kept: dict[Any, bytes] = {}
        self.messages: list[tuple[str, bytes]] = []
        self.engine = self.fresh()
        self.engine.pipeline.watermarks = {(t, n): -(1 << 62) for _k, t, n, _v in self.parts}

    def fresh(self) -> StreamEngine:
        """An engine that has seen nothing."""
        pipeline = build_pipeline(STREAM, (MODEL,), Limits(), lambda *_: REFERENCE)
        judging = Judging(self.specs, "s", "triggers", HOUR_MS, pipeline.registry.slots)
        return StreamEngine(pipeline, judging, Samples(lambda _lines: None) if self.samples else None)

    def restart(self) -> None:
        """Go on from the bytes of the state file."""
        self.engine = restarted(self.engine, self.fresh(), self.kept)

    def advance(self, until_minute: int | None = None) -> None:
        """Move W; beyond the log, all partitions are idle."""
        pipeline = self.engine.pipeline
        idle = frozenset(pipeline.watermarks) if until_minute is not None else frozenset()
        until_ms = None if until_minute is None else START + until_minute * MINUTE
        for m in self.engine.advance(idle, 0, until_ms):
            self.messages.append((dict(m.headers)["ce_subject"].decode(), m.value or b""))

    def read(self, which: int, count: int) -> None:
        """One turn."""
        kind, topic, number, values = self.parts[which]
        piece = values[self.at[which] : self.at[which] + count]
        n = len(piece)
        if n:
            offsets = np.arange(self.at[which], self.at[which] + n)
            zeros, stamps = np.zeros(n, np.int32), np.full(n, -1, np.int64)
            self.engine.pipeline.feed(RawBatch(kind, ((topic, number),), zeros, offsets, stamps, piece))
            self.at[which] += n
        self.advance()

    def played(
        self, order: list[tuple[int, int]], stops: frozenset[int], ends: list[int]
    ) -> dict[str, list[bytes]]:
        """Messages by subject, after the whole log and the silence that follows it."""
        for turn, (which, count) in enumerate([*order, *((i, 10**6) for i in range(4))]):
            self.read(which, count)
            if turn in stops:
                self.restart()
        for end in [*sorted(ends), 1500]:
            self.advance(max(end, 600))
            if end in stops:
                self.restart()
        found: dict[str, list[bytes]] = {}
        for subject, value in self.messages:
            found.setdefault(subject, []).append(value)
        return found


def busy(seed: int) -> tuple:
    """A log with up to 120 predictions, most of them labelled, many labels mended: enough to fire and retract."""
    rng = random.Random(seed)
    right = rng.random()
    predictions: tuple[list, list] = ([], [])
    labels: tuple[list, list] = ([], [])
    for key in range(rng.randint(20, 120)):
        base, minute, answer = rng.choice((0, 0, 0, 25, 90, 200, 500)), rng.randint(0, 30), rng.randint(0, 1)
        predictions[key % 2].append((key, base, minute, answer))
        truth = str(answer if rng.random() < right else 1 - answer)
        if rng.random() < 0.9:
            labels[key % 2].append((key, base, minute + rng.randint(-4, 10), truth, 1))
        if rng.random() < 0.5:
            mended = rng.choice((str(answer), str(answer), str(answer), None, truth))
            labels[key % 2].append((key, base, minute + rng.randint(10, 90), mended, 2))
    return (*predictions, *labels)


LOGS = st.integers(0, 2**32).map(busy) | logs


@settings(max_examples=80, deadline=None)
@given(LOGS, RULES, orders, st.sets(st.integers(0, 34)), st.lists(st.integers(600, 1400), max_size=6))
def test_no_cut_and_no_restart_changes_a_message(
    log: tuple, rules: list[dict[str, Any]], order: list[tuple[int, int]], stops: set[int], ends: list[int]
) -> None:
    """Faults 63 and 64: gaps of hours, late and corrected labels, cooldowns, retractions: the same bytes in order."""
    expected = Run(log, rules).played([], frozenset(), [])
    actual = Run(log, rules).played(order, frozenset(stops | set(ends[::2])), ends)
    assert expected == actual


@settings(max_examples=25, deadline=None)
@given(LOGS, RULES)
def test_writing_samples_changes_no_message(log: tuple, rules: list[dict[str, Any]]) -> None:
    """Judging every window, as a replay with samples does, asks for nothing that the daemon would not."""
    assert Run(log, rules).played([], frozenset(), []) == Run(log, rules, samples=True).played(
        [], frozenset(), []
    )


def test_an_empty_finest_window_reaches_the_rules_with_and_without_samples() -> None:
    """A rule of two windows is judged at the finer one's instants, and that window may hold late events only."""
    more = {"then": "notify", "for": "10m", "retract_within": "0s", "unless": MANY, "cooldown": "15m"}
    gaps = {"max_gap": "5m", "keep_firing_for": "7m", "no_data": "fire"}
    rules = [rule("r0", {"all": [SLOW, MANY]}, **more, **gaps)]
    expected = Run(busy(0), rules).played([], frozenset(), [])
    assert expected == Run(busy(0), rules, samples=True).played([], frozenset(), [])
    assert sum(map(len, expected.values()))


@settings(max_examples=40, deadline=None)
@given(LOGS, RULES)
def test_an_id_is_published_once(log: tuple, rules: list[dict[str, Any]]) -> None:
    """And requests and resolutions take turns, each resolution with the episode of its request."""
    for values in Run(log, rules).played([], frozenset(), []).values():
        events = [json.loads(v) for v in values]
        assert len(events) == len({e["id"] for e in events})
        asked = [e for e in events if ".retraining.re" in e["type"] and "retracted" not in e["type"]]
        assert [e["type"].split(".")[-2] for e in asked] == (["requested", "resolved"] * len(asked))[
            : len(asked)
        ]
        for first, second in zip(asked[::2], asked[1::2], strict=False):
            assert first["data"]["episode"] == second["data"]["episode"]
