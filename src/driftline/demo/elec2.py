"""Elec2 as events: predictions, and labels that arrive a day later."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

FEATURES = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer", "period", "day")
REFERENCE_ROWS = 9072
"""27 weeks, the period that the demo's model was validated on."""
LABEL_DELAY = timedelta(days=1)
CLASSES = ("DOWN", "UP")


@dataclass(frozen=True, slots=True)
class Row:
    """Half an hour of the market with the model's answer."""

    number: int
    time: datetime
    features: dict[str, Any]
    prediction: str
    score: float
    label: str


def rows() -> Iterator[Row]:
    """All 45,312 half hours, in order."""
    market = csv.DictReader(_open("elec2.csv.gz"))
    answers = csv.DictReader(_open("elec2_predictions.csv.gz"))
    for number, (line, answer) in enumerate(zip(market, answers, strict=True)):
        features: dict[str, Any] = {name: float(line[name]) for name in FEATURES if name != "day"}
        features["day"] = line["day"]
        time = datetime.fromisoformat(line["ts"]).replace(tzinfo=UTC)
        yield Row(
            number, time, features, CLASSES[int(answer["y_pred"])], float(answer["y_prob"]), line["class"]
        )


def _open(name: str) -> io.TextIOWrapper:
    raw = files("driftline.data").joinpath(name).read_bytes()
    return io.TextIOWrapper(gzip.open(io.BytesIO(raw)), encoding="utf-8")


def write_reference_data(path: Path) -> None:
    """The validation period as one CSV: features, prediction, score, label."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["ts", *FEATURES, "prediction", "score", "label"])
        for row in rows():
            if row.number >= REFERENCE_ROWS:
                break
            writer.writerow(
                [row.time.isoformat(), *row.features.values(), row.prediction, row.score, row.label]
            )


def events() -> Iterator[tuple[str, str, bytes]]:
    """(topic, id, value) of production, in the order in which it happens."""
    waiting: list[tuple[datetime, str, bytes]] = []
    at = 0
    for row in rows():
        if row.number < REFERENCE_ROWS:
            continue
        while at < len(waiting) and waiting[at][0] <= row.time:
            yield "labels", waiting[at][1], waiting[at][2]
            at += 1
        name = f"elec2-{row.number}"
        known = row.time + LABEL_DELAY
        yield "predictions", name, msgspec.json.encode(_prediction(name, row))
        waiting.append((known, name, msgspec.json.encode(_label(name, row, known))))
    for _known, name, value in waiting[at:]:
        yield "labels", name, value


def _prediction(name: str, row: Row) -> dict[str, Any]:
    return {
        "prediction_id": name, "model": "elec2", "version": "1", "time": row.time, "features": row.features,
        "prediction": row.prediction, "score": row.score,
    }  # fmt: skip


def _label(name: str, row: Row, known: datetime) -> dict[str, Any]:
    return {"prediction_id": name, "model": "elec2", "label": row.label, "time": known}
