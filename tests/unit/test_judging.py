"""Rules over a pipeline: the exact instant, one request, cooldown, and restarts that change nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from driftline.decode import make_decoder
from driftline.instants import parse_instant, rfc3339
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.judging import Judging
from driftline.pipeline.slots import Registry
from driftline.pipeline.snapshot import restore, snapshot
from driftline.pipeline.stream import StreamEngine
from driftline.records import Kind, Message, RawBatch
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
)
from driftline.store.blobs import decode, encode

START = parse_instant("2026-01-01T00:00:00Z")
WINDOW = Window(HOUR_MS, 10 * MINUTE_MS)
MODEL = ModelSettings(
    match="m", stream="s", task=Task.BINARY, positive="1", classes=("0", "1"), drift_windows=(WINDOW,),
    performance_windows=(WINDOW,), gates=dict.fromkeys(DEFAULT_GATES, 1), labels=LabelSettings(delay_ms=0),
)  # fmt: skip
STREAM = StreamSettings(
    name="s", predictions=("p",), labels=("l",), time=TimeSettings(max_future_ms=None, out_of_orderness_ms=0)
)
LOW = {"name": "low", "when": {"metric": "accuracy", "below": 0.9}, "for": "48h", "then": "retrain"}


class Run:
    """A pipeline fed hour by hour; ``wrong`` hours answer falsely."""

    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.specs, problems = parse_rules(rules, "rules")
        assert problems == []
        self.kept: dict[Any, bytes] = {}
        self.offset = 0
        self.messages: list[Message] = []
        self.engine = self._engine()

    def _engine(self) -> StreamEngine:
        registry = Registry((MODEL,), Limits(), lambda _s, _m, _v: None)
        decoders = {
            k: make_decoder("driftline", k, schema_of=registry.schema_of, limits=Limits(), from_record=False)
            for k in Kind
        }
        pipeline = Pipeline(STREAM, registry, Limits(), decoders)
        return StreamEngine(pipeline, Judging(self.specs, "s", "triggers", HOUR_MS, registry.slots))

    def restart(self) -> None:
        """Go on from the bytes of the state file."""
        assert self.engine.rules is not None
        blobs = snapshot(self.engine.pipeline) | {("rule_state", "rules"): self.engine.rules.snapshot()}
        for key, blob in blobs.items():
            if blob is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = encode(blob)
        self.engine = self._engine()
        restored = {key: decode(raw) for key, raw in self.kept.items()}
        restore(self.engine.pipeline, restored)
        assert self.engine.rules is not None
        self.engine.rules.restore(restored)

    def hour(self, number: int, *, wrong: bool) -> None:
        """Six predictions with their labels."""
        for kind, topic in ((Kind.PREDICTION, "p"), (Kind.LABEL, "l")):
            values = []
            for minute in range(0, 60, 10):
                event: dict[str, Any] = {"prediction_id": f"{number}/{minute}", "model": "m", "version": "1"}
                event["time"] = START + number * HOUR_MS + minute * MINUTE_MS
                event |= {"prediction": "1"} if kind is Kind.PREDICTION else {"label": "0" if wrong else "1"}
                values.append(json.dumps(event).encode())
            offsets = np.arange(self.offset, self.offset + 6)
            batch = RawBatch(kind, ((topic, 0),), np.zeros(6, np.int32), offsets, np.full(6, -1), values)
            self.engine.pipeline.feed(batch)
        self.offset += 6
        self.messages += self.engine.advance(frozenset(), 0)

    def events(self) -> list[tuple[str, str]]:
        """(time, what) of each message."""
        found = [json.loads(m.value or b"") for m in self.messages]
        return [(e["time"], e["type"].removeprefix("io.driftline.").removesuffix(".v1")) for e in found]


def played(
    rules: list[dict[str, Any]], wrong: range, hours: int, restarts: frozenset[int] = frozenset()
) -> Run:
    """A run of so many hours."""
    run = Run(rules)
    for number in range(hours):
        run.hour(number, wrong=number in wrong)
        if number in restarts:
            run.restart()
    return run


def at(hours: float) -> str:
    """An instant of the run."""
    return rfc3339(START + int(hours * HOUR_MS))


@pytest.mark.parametrize("restarts", [frozenset(), frozenset({10}), frozenset(range(0, 80, 4))])
def test_a_48h_rule_fires_at_the_exact_instant_whatever_restarts(restarts: frozenset[int]) -> None:
    """Fault 34: first true at 5 h 10 min, fired 48 h later; restarts change no byte."""
    run = played([LOW], range(5, 60), 80, restarts)
    first = 5 + 1 / 6
    assert run.events()[0] == (at(first + 48), "retraining.requested")
    assert [what for _, what in run.events()] == ["retraining.requested", "retraining.resolved"]
    assert [m.value for m in run.messages] == [m.value for m in played([LOW], range(5, 60), 80).messages]


def test_a_shorter_stretch_never_fires() -> None:
    """47 hours of a bad model are not 48."""
    assert played([LOW], range(5, 51), 80).events() == []


def test_several_rules_ask_once() -> None:
    """Fault 80: the second rule is attached, and the request is resolved when both are."""
    second = {**LOW, "name": "lower", "when": {"metric": "accuracy", "below": 0.5}, "for": "50h"}
    run = played([LOW, second], range(5, 70), 90)
    assert [what for _, what in run.events()] == ["retraining.requested", "retraining.resolved"]
    resolved = json.loads(run.messages[1].value or b"")
    assert resolved["data"]["episode"]["rule"] == "low"


def test_a_rule_that_notifies_sends_an_alert() -> None:
    """``then: notify`` is the default."""
    rule = {"name": "alert", "when": {"metric": "accuracy", "below": 0.9}, "for": "1h"}
    assert [what for _, what in played([rule], range(5, 8), 20).events()] == ["alert.fired", "alert.resolved"]


def test_three_windows_that_do_not_overlap() -> None:
    """``for: 3 windows`` is judged at multiples of the length only."""
    rule = {"name": "n", "when": {"metric": "accuracy", "below": 0.9}, "for": "3 windows"}
    assert played([rule], range(5, 9), 20).events()[0] == (at(8), "alert.fired")
    assert played([rule], range(5, 7), 20).events() == []
