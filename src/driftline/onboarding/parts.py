"""One row of a decoded part, as plain values by their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from driftline.records import INVALID, MISSING, Coded, LabelPart, PredictionPart


def prediction_of(part: PredictionPart, at: int) -> dict[str, Any]:
    """The answer and the features of row ``at``; what is empty is left out."""
    features, missing, invalid = _features(part, at)
    found: dict[str, Any] = {
        "class": _text(part.predicted, at), "value": _number(part.value[at]), "score": _number(part.score[at]),
        "latency_ms": _number(part.latency_ms[at]), "features": features, "missing": missing, "invalid": invalid,
    }  # fmt: skip
    if part.scores is not None:
        pairs = zip(part.score_classes, part.scores[:, at].tolist(), strict=True)
        found["scores"] = {name: score for name, score in pairs if score == score}  # noqa: PLR0124 - not NaN
    if part.segments:
        found["segments"] = {
            n: _text(c, at) for n, c in zip(part.schema.segments, part.segments, strict=True)
        }
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _features(part: PredictionPart, at: int) -> tuple[dict[str, Any], list[str], list[str]]:
    """(values, names of missing ones, names of invalid ones)."""
    values: dict[str, Any] = {}
    missing: list[str] = []
    invalid: list[str] = []
    for name, number in zip(part.schema.numeric, part.numeric[:, at].tolist(), strict=True):
        if np.isfinite(number):
            values[name] = number
        else:
            (missing if np.isnan(number) else invalid).append(name)
    for name, coded in zip(part.schema.categorical, part.categorical, strict=True):
        code = int(coded.codes[at])
        if code >= 0:
            values[name] = coded.values[code]
        else:
            (missing if code == MISSING else invalid).append(name)
    return values, missing, invalid


def label_of(part: LabelPart, at: int) -> dict[str, Any]:
    """The truth of row ``at``."""
    label = _text(part.label, at)
    value = _number(part.value[at])
    found: dict[str, Any] = {"label": label if label is not None else value}
    revision = int(part.revision[at])
    return found if revision == 1 else {**found, "revision": revision}


def _text(column: Coded, at: int) -> str | None:
    code = int(column.codes[at])
    return column.values[code] if code >= 0 else "invalid" if code == INVALID else None


def _number(value: Any) -> float | str | None:
    number = float(value)
    return None if np.isnan(number) else "invalid" if np.isinf(number) else number
