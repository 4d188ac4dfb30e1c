"""A small stream with everything in it that state can hold: late, early, corrected, retracted, unknown.

``LOG`` is fixed (seeded); tests cut it where they like and compare the samples.
"""

from __future__ import annotations

import json
import random

import numpy as np

from driftline.pipeline.registry import LoadProfile
from driftline.pipeline.stream import Samples, StreamEngine
from driftline.records import Kind, RawBatch
from driftline.settings import (
    DEFAULT_GATES,
    LabelSettings,
    Limits,
    ModelSettings,
    StreamSettings,
    Task,
    TimeSettings,
    Window,
)  # fmt: skip
from driftline.wiring import build_pipeline

MINUTE = 60_000
START = 1_000_000 * MINUTE
WINDOWS = (Window(10 * MINUTE, 5 * MINUTE), Window(20 * MINUTE, 10 * MINUTE))
TIME = TimeSettings(
    out_of_orderness_ms=2 * MINUTE, allowed_lateness_ms=6 * MINUTE, max_future_ms=None, max_skew_ms=1 << 40
)
LABELS = LabelSettings(
    delay_ms=3 * MINUTE, horizon_ms=45 * MINUTE, orphan_wait_ms=5 * MINUTE, corrections_ms=8 * MINUTE,
    min_coverage=0.0,
)  # fmt: skip
PARTS = (
    (Kind.PREDICTION, "predictions", 0), (Kind.PREDICTION, "predictions", 1),
    (Kind.LABEL, "labels", 0), (Kind.LABEL, "labels", 1),
)  # fmt: skip


def model(name: str, task: Task) -> ModelSettings:
    """Settings with short windows and no gates."""
    return ModelSettings(
        match=name, stream="s", task=task, positive="1" if task is Task.BINARY else None,
        classes=("0", "1") if task is Task.BINARY else None, segments=("region",),
        segment_values={"region": ("eu", "us")}, drift_windows=WINDOWS, performance_windows=WINDOWS,
        gates=dict.fromkeys(DEFAULT_GATES, 0), labels=LABELS,
    )  # fmt: skip


MODELS = (model("b", Task.BINARY), model("m", Task.MULTICLASS), model("r", Task.REGRESSION))


def make_log(seed: int, minutes: int = 120, a_minute: int = 3) -> list[list[bytes]]:
    """One list of records for each of ``PARTS``."""
    rng = random.Random(seed)
    rows: list[list[tuple[int, bytes]]] = [[], [], [], []]
    for number in range(minutes * a_minute):
        minute, part, name = number // a_minute, number % 2, rng.choice("bmr")
        at = START + minute * MINUTE + rng.randrange(MINUTE)
        late = rng.random() < 0.2
        event = {
            "prediction_id": f"{name}{number}", "model": name, "version": rng.choice("12"),
            "time": at - (4 * MINUTE if late else 0), "segments": {"region": rng.choice(["eu", "us", "xx"])},
            "features": {"x": number % 7, "y": number / 3, "c": "abc"[number % 3]}, **answer(rng, name),
        }  # fmt: skip
        rows[part].append((at, json.dumps(event).encode()))
        if rng.random() < 0.1:
            rows[part].append((at, json.dumps(event).encode()))
        rows_of_labels(rng, rows[2 + rng.randrange(2)], name, number, at)
    for part in rows:
        part.sort(key=lambda row: row[0])
    return [[value for _at, value in part] for part in rows]


def answer(rng: random.Random, name: str) -> dict:
    """What a model of that kind says."""
    if name == "b":
        return {"prediction": rng.randrange(2), "score": rng.random()}
    if name == "r":
        return {"prediction": rng.gauss(0, 3)}
    scores = {c: rng.random() for c in rng.sample("uvwxyz", 3)}
    return {"prediction": max(scores, key=scores.get), "scores": scores}


def rows_of_labels(rng: random.Random, into: list, name: str, number: int, at: int) -> None:
    """None, one, or a label with its correction; early or late."""
    for revision in range(1, rng.choice([1, 2, 2, 2, 3])):
        known = at + rng.choice([-2, 1, 4, 12, 50]) * MINUTE + revision * MINUTE
        truth = {
            "b": rng.choice(["0", "1", None]),
            "m": rng.choice(["u", "v", "w", None]),
            "r": rng.gauss(0, 3),
        }
        label = {
            "prediction_id": f"{name}{number}", "model": name, "label": truth[name], "time": known,
            "revision": revision,
        }  # fmt: skip
        into.append((known, json.dumps(label).encode()))


LOG = make_log(7)


def fresh_engine(
    lines: list[bytes],
    models: tuple[ModelSettings, ...] = MODELS,
    limits: Limits | None = None,
    load_profile: LoadProfile = lambda *_: None,
) -> StreamEngine:
    """An engine that has seen nothing, and writes its samples to ``lines``."""
    stream = StreamSettings(name="s", predictions=("predictions",), labels=("labels",), time=TIME)
    pipeline = build_pipeline(stream, models, limits or Limits(), load_profile)
    pipeline.watermarks = {(topic, number): -(1 << 62) for _kind, topic, number in PARTS}
    return StreamEngine(pipeline, None, Samples(lines.extend))


def position(engine: StreamEngine, which: int) -> int:
    """Where the engine reads on in one of the parts."""
    return engine.pipeline.positions.get(PARTS[which][1:], 0)


def feed(engine: StreamEngine, log: list[list[bytes]], which: int, count: int) -> None:
    """Give the next records of one part to the engine, and let it judge."""
    kind, topic, number = PARTS[which]
    at = position(engine, which)
    piece = log[which][at : at + count]
    if piece:
        n = len(piece)
        engine.pipeline.feed(
            RawBatch(
                kind, ((topic, number),), np.zeros(n, np.int32), np.arange(at, at + n),
                np.full(n, -1, np.int64), piece,
            )
        )  # fmt: skip
    engine.advance(frozenset(), 0)


def turns(seed: int, count: int, most: int) -> list[tuple[int, int]]:
    """(part, records) of so many turns."""
    rng = random.Random(seed)
    return [(rng.randrange(4), rng.randint(1, most)) for _ in range(count)]


def finish(engine: StreamEngine, log: list[list[bytes]]) -> None:
    """Read the rest, then let event time run out."""
    for which in range(4):
        feed(engine, log, which, 1 << 30)
    idle = frozenset(engine.pipeline.watermarks)
    engine.advance(idle, 0)
    engine.advance(idle, 0, START + 400 * MINUTE)
