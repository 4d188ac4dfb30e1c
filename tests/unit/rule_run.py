"""A pipeline with rules that tests feed hour by hour, and what they say of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from driftline.instants import parse_instant, rfc3339
from driftline.pipeline.judging import Judging
from driftline.pipeline.stream import StreamEngine
from driftline.records import Kind, Message, RawBatch
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
)
from driftline.wiring import build_pipeline
from tests.restarts import restarted

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

    def __init__(
        self, rules: list[dict[str, Any]], model: ModelSettings = MODEL, profile: Profile | None = None
    ) -> None:
        self.model, self.profile = model, profile
        self.specs, problems = parse_rules(rules, "rules")
        assert problems == []
        self.kept: dict[Any, bytes] = {}
        self.offset = 0
        self.messages: list[Message] = []
        self.engine = self._engine()

    def _engine(self) -> StreamEngine:
        pipeline = build_pipeline(STREAM, (self.model,), Limits(), lambda *_: self.profile)
        return StreamEngine(pipeline, Judging(self.specs, "s", "triggers", HOUR_MS, pipeline.registry.slots))

    def restart(self) -> None:
        """Go on from the bytes of the state file."""
        self.engine = restarted(self.engine, self._engine(), self.kept)

    def hour(self, number: int, *, wrong: bool) -> None:
        """Six predictions with their labels."""
        self.feed(number, wrong)
        self.advance()

    def feed(
        self, number: int, wrong: bool, version: str = "1", *, labels_first: bool = False,
        label_minutes: int = 0, **more: Any,
    ) -> None:  # fmt: skip
        """The hour of one version; ``more`` is in each of its predictions, labels come so many minutes later."""
        kinds = [(Kind.PREDICTION, "p", 0), (Kind.LABEL, "l", label_minutes)]
        for kind, topic, later in reversed(kinds) if labels_first else kinds:
            values = []
            for minute in range(0, 60, 10):
                event: dict[str, Any] = {"prediction_id": f"{more}/{version}/{number}/{minute}", "model": "m"}
                event |= {"version": version, "time": START + number * HOUR_MS + (minute + later) * MINUTE_MS}
                answer = {"prediction": "1", **more}
                event |= answer if kind is Kind.PREDICTION else {"label": "0" if wrong else "1"}
                values.append(json.dumps(event).encode())
            self._put(kind, topic, values, self.offset)
            if labels_first:
                self.advance()
        self.offset += 6

    def _put(self, kind: Kind, topic: str, values: list[bytes], offset: int) -> None:
        n = len(values)
        offsets, stamps = np.arange(offset, offset + n), np.full(n, -1)
        batch = RawBatch(kind, ((topic, 0),), np.zeros(n, np.int32), offsets, stamps, values)
        self.engine.pipeline.feed(batch)

    def mend(self, number: int, known_hours: float) -> None:
        """Corrections of an hour's labels, which become known later."""
        known_ms = START + int(known_hours * HOUR_MS)
        event = {"model": "m", "label": "1", "revision": 2, "time": known_ms}
        ids = [f"{{}}/1/{number}/{minute}" for minute in range(0, 60, 10)]
        values = [json.dumps({**event, "prediction_id": i}).encode() for i in ids]
        self._put(Kind.LABEL, "l", values, self.offset)
        self.offset += 6

    def advance(self, hours: float | None = None) -> None:
        """Judge what W has passed, or everything up to so many hours."""
        until_ms = None if hours is None else START + int(hours * HOUR_MS)
        self.messages += self.engine.advance(frozenset(), 0, until_ms)

    def data(self, place: int) -> dict[str, Any]:
        """What a message says."""
        found: dict[str, Any] = json.loads(self.messages[place].value or b"")["data"]
        return found

    def events(self) -> list[tuple[str, str]]:
        """(time, what) of each message."""
        found = [json.loads(m.value or b"") for m in self.messages]
        return [(e["time"], e["type"].removeprefix("io.driftline.").removesuffix(".v1")) for e in found]


def at(hours: float) -> str:
    """An instant of the run."""
    return rfc3339(START + int(hours * HOUR_MS))


HOURLY = replace(
    MODEL, drift_windows=(Window(HOUR_MS, HOUR_MS),), performance_windows=(Window(HOUR_MS, HOUR_MS),)
)
FIRED, RESOLVED = "alert.fired", "alert.resolved"


def alert(when: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rule that notifies at once."""
    return {"name": "r", "when": when, **more}


def ask(name: str, **more: Any) -> dict[str, Any]:
    """A rule that asks for retraining after an hour."""
    return {**LOW, "name": name, "for": "1h", **more}


def told(run: Run) -> list[tuple[str, str]]:
    """Messages about retraining, by their last word."""
    return [(time, what.removeprefix("retraining.")) for time, what in run.events()]
