"""A small world for replays: a model that guesses for some hours, its events as lines, a configuration."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAY_0 = datetime(2026, 3, 2, tzinfo=UTC)
BAD = [(2, 6), (8, 10)]
"""Spells of hours in which the model guesses."""
CONFIG = """
streams:
  main: {predictions: [predictions, more], labels: [labels], time: {out_of_orderness: 1m, allowed_lateness: 1h}}
  other: {predictions: [other-predictions]}
models:
  - match: m
    stream: main
    task: binary
    positive: UP
    windows: {performance: [{length: 1h, slide: 20m}]}
    labels: {delay: 10m}
    gates: {accuracy: 10, f1: 5}
rules:
  - {name: low, when: {metric: accuracy, window: 1h, below: 0.8}, for: 2h, then: retrain}
  - {name: lower, when: {metric: accuracy, window: 1h, below: 0.75}, for: 2h, then: retrain}
  - {name: never, when: {metric: accuracy, window: 1h, below: 0.8}, for: 2d}
"""


def at(hour: float) -> str:
    """RFC 3339, hours after the beginning."""
    return (DAY_0 + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def events(hours: int) -> tuple[list[dict], list[dict]]:
    """A prediction a minute, its label five minutes later; each list in order of time."""
    rng = random.Random(7)
    predictions, labels = [], []
    for minute in range(hours * 60):
        bad = any(a <= minute // 60 < b for a, b in BAD)
        truth = rng.choice(("UP", "DOWN"))
        said = truth if rng.random() >= (0.5 if bad else 0.05) else {"UP": "DOWN", "DOWN": "UP"}[truth]
        about = {"prediction_id": f"p{minute}", "model": "m"}
        predictions.append({**about, "version": "1", "time": at(minute / 60), "prediction": said})
        labels.append({**about, "label": truth, "time": at((minute + 5) / 60)})
    return predictions, labels


def write(path: Path, rows: Sequence[dict]) -> Path:
    """JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def placed(row: dict, topic: str, partition: int, offset: int, timestamp: int = -1) -> dict:
    """The row with its place in Kafka."""
    return {
        **row,
        "_kafka": {"topic": topic, "partition": partition, "offset": offset, "timestamp": timestamp},
    }


def millis(text: str) -> int:
    """Epoch milliseconds of an event's time."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)
