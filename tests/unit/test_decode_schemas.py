"""Models of one schema are read together: what is said of each is what it would be alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from driftline.decode import make_decoder
from driftline.records import Coded, Kind, LabelPart, PredictionPart, RawBatch, Schema
from driftline.settings import Limits, Task

BINARY = Schema(Task.BINARY, ("x", "y"), ("day",), None, "UP", segments=("region",))
CLOSED = Schema(Task.MULTICLASS, ("x",), (), ("a", "b", "c"))
OPEN = Schema(Task.MULTICLASS, ("x",), ())
NUMBER = Schema(Task.REGRESSION, ("x",))
SCHEMAS = {"binary": BINARY, "closed": CLOSED, "open": OPEN, "number": NUMBER}
ANSWERS: dict[str, Any] = {
    "binary": ("UP", "DOWN", None),
    "closed": ("a", "b", "c"),
    "open": ("a", "new", "b"),
    "number": (1, 2.5, 3),
}


def events(task: str, kind: Kind) -> list[dict[str, Any]]:
    """Of three models in turns; odd values of every kind, and more distinct days than a part can carry along."""
    rng = np.random.default_rng(5)
    made = []
    for i in range(120):
        model, answer = f"{task}-{i % 3}", ANSWERS[task][i % 7 % 3]
        event = {"prediction_id": f"p{i}", "model": model, "time": 1000 + i}
        if kind is Kind.LABEL:
            made.append({**event, "label": answer, "revision": i % 4})
            continue
        day = (None, [1], f"d{i % 40}")[i % 11 % 3]
        features = {"x": float(rng.random()), "y": (None, "?", i)[i % 5 % 3], "day": day}
        scores = {"open": {"a": 0.25, f"only-{i % 3}": 0.75}, "closed": {"a": 0.5, "c": 0.5}}.get(task)
        made.append({
            **event, "version": str(i % 2), "features": features, "prediction": answer, "score": i / 120,
            "scores": scores, "segments": {"region": f"r{i % 20}"}, "latency_ms": i,
        })  # fmt: skip
    return made


def parts(task: str, kind: Kind, made: list[dict[str, Any]]) -> list[PredictionPart] | list[LabelPart]:
    decoder = make_decoder("driftline", kind, schema_of=lambda _m, _v: SCHEMAS[task], limits=Limits())
    n = len(made)
    values = [json.dumps(event).encode() for event in made]
    raw = RawBatch(kind, (("t", 0),), np.zeros(n, np.int32), np.arange(n), np.full(n, -1, np.int64), values)
    decoded = decoder.decode(raw)
    assert decoded.rejects == []
    return decoded.labels if kind is Kind.LABEL else decoded.predictions


def texts(column: Coded) -> list[object]:
    return [column.values[code] if code >= 0 else code for code in column.codes.tolist()]


def said(part: PredictionPart | LabelPart) -> str:
    """All but where the rows stand, as text (NaN equals NaN)."""
    if isinstance(part, LabelPart):
        return repr((part.model, texts(part.label), part.value.tolist(), part.revision.tolist()))
    scores = None if part.scores is None else part.scores.tolist()
    return repr(
        (part.model, part.version, part.numeric.tolist(), [texts(c) for c in part.categorical],
         texts(part.predicted), part.value.tolist(), part.score.tolist(), scores, part.score_classes,
         part.latency_ms.tolist(), [texts(c) for c in part.segments])
    )  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.PREDICTION, Kind.LABEL])
@pytest.mark.parametrize("task", sorted(SCHEMAS))
def test_a_model_is_read_beside_others_as_it_is_alone(task: str, kind: Kind) -> None:
    """Classes, values, scores, categories and segments of a part are of its own rows, in their order."""
    made = events(task, kind)
    keys = dict.fromkeys((e["model"], e.get("version")) for e in made)
    alone = [parts(task, kind, [e for e in made if (e["model"], e.get("version")) == key]) for key in keys]
    together = parts(task, kind, made)
    assert [said(part) for (part,) in alone] == [said(part) for part in together]
    assert sorted(np.concatenate([part.rows for part in together]).tolist()) == list(range(len(made)))


def test_a_part_does_not_carry_the_many_values_of_other_models() -> None:
    """Whatever else is in the batch, a column has no more values than rows, or a few."""
    for part in parts("binary", Kind.PREDICTION, events("binary", Kind.PREDICTION)):
        for column in (*part.categorical, *part.segments):
            assert len(column.values) <= max(16, len(column.codes)), column.values
