"""Odd events that can be used: whatever they bring, every output of the engine stays what its readers can read."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from driftline.metrics.collector import Collector
from driftline.metrics.view import DaemonView
from driftline.pipeline.judging import Judging
from driftline.pipeline.recent import Recent
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.pipeline.view import stream_view
from driftline.records import Kind, Message, RawBatch
from driftline.reference.bins import bins_id, categorical_profile, numeric_profile
from driftline.reference.profile import Profile
from driftline.rules.parse import parse_rules
from driftline.settings import (
    DEFAULT_GATES,
    HOUR_MS,
    MINUTE_MS,
    LabelSettings,
    Limits,
    ModelSettings,
    StreamSettings,
    Task,
    TimeSettings,
    Window,
)  # fmt: skip
from driftline.web import api, page
from driftline.web.server import _json
from driftline.wiring import build_pipeline
from tests.restarts import restarted

LAST_MS = 253_402_300_799_999
WINDOW = Window(10 * MINUTE_MS, 5 * MINUTE_MS)
STREAM = StreamSettings(
    name="s", predictions=("p",), labels=("l",),
    time=TimeSettings(out_of_orderness_ms=MINUTE_MS, allowed_lateness_ms=HOUR_MS, max_future_ms=None, from_record=True),
)  # fmt: skip
NUMBERS = st.sampled_from(
    [
        0,
        -0.0,
        1,
        1e308,
        -1e308,
        1.7e308,
        -1.7e308,
        5e-324,
        -5e-324,
        1e17,
        1e154,
        0.1,
        None,
        1e999,
        10**25,
        "x",
        True,
    ]
)
TEXTS = st.sampled_from(
    ["UP", "DOWN", "a", None, "", "\ud800", "\u202e", "\0", "x\n", "<b>", "é" * 128, 2.0, []]
)
TIMES = st.sampled_from([1, MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 30 * HOUR_MS])
EVENTS = st.fixed_dictionaries(
    {"prediction_id": st.sampled_from("abcd")},
    optional={
        "version": st.sampled_from(["1", "2", "v" * 256]),
        "features": st.fixed_dictionaries({"x": NUMBERS, "day": TEXTS}),
        "segments": st.fixed_dictionaries({"region": TEXTS}),
        "score": NUMBERS,
        "latency_ms": NUMBERS,
        "revision": st.sampled_from([1, 2, None, -(1 << 63), (1 << 63) - 1]),
    },
)
TURNS = st.lists(
    st.tuples(st.sampled_from("pl"), st.lists(st.tuples(EVENTS, NUMBERS, TEXTS, TIMES), max_size=6)),
    max_size=6,
)
RULES = [
    {"name": "drift", "when": {"metric": "wasserstein", "feature": "*", "above": 1e-300}, "then": "retrain"},
    {"name": "change", "when": {"metric": "mean", "feature": "x", "outside": [-1e308, 1e308]}, "no_data": "fire"},
    {"name": "worse", "when": {"metric": "rmse", "rise": "20 percent", "versus": "reference", "confidence": 0.95}},
    {"name": "odd", "when": {"metric": "accuracy", "drop": "5 points", "versus": "previous window"}, "cooldown": "365000d"},
    {"name": "many", "when": {"metric": "events", "above": 0}, "then": "retrain", "cooldown": "1h", "retract_within": "1h"},
]  # fmt: skip


def reference(values: list[float], task: Task) -> Profile:
    """Of a numeric and a categorical column, and of the answers of a regression."""
    columns = (
        numeric_profile("x", np.array(values, np.float64)),
        categorical_profile("day", {"a": 3, "UP": 1}),
    )
    value = numeric_profile("value", np.array(values, np.float64)) if task is Task.REGRESSION else None
    return Profile(
        model="m", version="1", task=task, positive="UP" if task is Task.BINARY else None, id="r", sha256="0" * 64,
        bins_id=bins_id(columns[:1], columns[1:]), rows=4, numeric=columns[:1], categorical=columns[1:], value=value,
        label_mean=float("inf") if task is Task.REGRESSION else None,
        performance={"n": 4, "metrics": {"rmse": 1e308, "accuracy": 0.5}},
    )  # fmt: skip


class World:
    """An engine and everything that reads it."""

    def __init__(self, task: Task, values: list[float], start_ms: int) -> None:
        self.settings = ModelSettings(
            match="m", stream="s", task=task, positive="UP" if task is Task.BINARY else None, references="r",
            drift_windows=(WINDOW,), performance_windows=(WINDOW,), segments=("region",),
            gates=dict.fromkeys(DEFAULT_GATES, 0), labels=LabelSettings(delay_ms=0, min_coverage=0.0),
        )  # fmt: skip
        self.profile = reference(values, task)
        self.rules, problems = parse_rules(RULES, "rules")
        assert [] == problems
        self.lines: list[bytes] = []
        self.kept: dict[Any, bytes] = {}
        self.recent = Recent()
        self.offsets = {"p": 0, "l": 0}
        self.at_ms = start_ms
        self.engine = self.fresh()
        self.engine.pipeline.watermarks = {("p", 0): -(1 << 62), ("l", 0): -(1 << 62)}

    def fresh(self) -> StreamEngine:
        pipeline = build_pipeline(
            STREAM,
            (self.settings,),
            Limits(),
            lambda _s, _m, version: self.profile if version == "1" else None,
        )
        judging = Judging(self.rules, "s", "t", HOUR_MS, pipeline.registry.slots)
        return StreamEngine(pipeline, judging, Samples(self.lines.extend))

    def feed(self, topic: str, rows: list[tuple[dict[str, Any], Any, Any, int]]) -> None:
        values, task = [], self.settings.task
        for event, number, text, after_ms in rows:
            self.at_ms = min(self.at_ms + after_ms, LAST_MS)
            answer = number if task is Task.REGRESSION else text
            field = "prediction" if topic == "p" else "label"
            values.append(json.dumps({"model": "m", "time": self.at_ms, field: answer, **event}).encode())
        n, first = len(rows), self.offsets[topic]
        if n:
            kind = Kind.PREDICTION if topic == "p" else Kind.LABEL
            stamps = np.full(n, self.at_ms)
            batch = RawBatch(
                kind, ((topic, 0),), np.zeros(n, np.int32), np.arange(first, first + n), stamps, values
            )
            fed = self.engine.pipeline.feed(batch)
            assert all(0 <= reject.index < n for reject in fed.rejects)
            self.offsets[topic] += n

    def advance(self, until_ms: int | None = None) -> None:
        for message in self.engine.advance(frozenset(self.engine.pipeline.watermarks), 0, until_ms):
            self.read(message)

    def read(self, message: Message) -> None:
        strict(message.value or b"")
        self.recent.note(message)

    def check(self) -> None:
        """The scrape parses and is finite, the page is text, the API and the samples are JSON."""
        self.engine.pipeline.catch_up()
        rules = self.engine.rules
        view = stream_view("s", self.engine, (), rules.views() if rules else (), None, None)
        shown = DaemonView(streams=(view,), now_ms=self.at_ms, triggers=self.recent.views())
        scraped = Collector().scrape(shown).decode()
        for family in text_string_to_metric_families(scraped):
            assert all(isfinite(sample.value) for sample in family.samples), family.name
        for asked in (page.Asked(), page.Asked(model="m")):
            assert page.render(shown, asked).encode()
        for endpoint in api.ENDPOINTS:
            strict(bytes(_json(endpoint.answer(shown, [])[0]).body))
        for window in view.windows:
            for e in window.evaluations:
                assert (e.n >= 0).all(), e.statistic
                if e.low is not None and e.high is not None:
                    known = np.isfinite(e.value) & np.isfinite(e.low) & np.isfinite(e.high)
                    slack = 1e-9 * np.abs(e.value[known]) + 1e-12
                    assert (e.low[known] <= e.value[known] + slack).all(), e.statistic
                    assert (e.value[known] <= e.high[known] + slack).all(), e.statistic


def strict(data: bytes) -> Any:
    """JSON without NaN and infinities."""

    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    return json.loads(data, parse_constant=refuse)


@settings(max_examples=30, deadline=None)
@given(
    TURNS,
    st.sampled_from(Task),
    st.lists(st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324]), min_size=1, max_size=8),
    st.sampled_from([1, 1_700_000_000_000, LAST_MS - HOUR_MS]),
)
def test_every_output_stays_readable(
    turns: list[Any], task: Task, values: list[float], start_ms: int
) -> None:
    """Fault 38: values near the ends of float64, times near the ends of time, through restarts, to every reader."""
    world = World(task, values, start_ms)
    for topic, rows in turns:
        world.feed(topic, rows)
        world.advance()
        world.engine = restarted(world.engine, world.fresh(), world.kept)
    world.check()
    world.advance(min(world.at_ms + 2 * HOUR_MS, LAST_MS))
    world.engine.finish()
    world.check()
    for line in world.lines:
        strict(line)
