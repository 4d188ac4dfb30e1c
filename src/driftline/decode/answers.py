"""What a model answered and what was true: classes, values and scores of one group of events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from driftline.decode.columns import code, numbers, numeric_features
from driftline.decode.values import canonical
from driftline.records import INVALID, MISSING, Bools, Coded, Codes32, Floats, Schema, unnamed_negative
from driftline.settings import Limits, Task

Faults = dict[int, str]
"""Row -> reason."""


@dataclass(slots=True)
class Answers:
    """The columns of a part that say what was answered; rows in ``faults`` are no usable events."""

    predicted: Coded
    value: Floats
    score: Floats
    scores: Floats | None = None
    score_classes: tuple[str, ...] = ()
    faults: Faults = field(default_factory=dict)


def no_class(rows: int) -> Coded:
    """A column without any class."""
    return Coded(np.full(rows, MISSING, np.int32), ())


def nothing(rows: int) -> Floats:
    """A column of missing numbers."""
    return np.full(rows, np.nan)


def read_answers(fields: Mapping[str, Sequence[Any]], schema: Schema, limits: Limits) -> Answers:
    """The answers to ``prediction``, ``score`` and ``scores`` by the model's task."""
    if schema.task is Task.REGRESSION:
        return _regression(fields["prediction"])
    if schema.task is Task.BINARY:
        return _binary(fields, schema, limits)
    return _multiclass(fields, schema, limits)


def read_truth(labels: Sequence[Any], schema: Schema, limits: Limits) -> Answers:
    """The labels as ``predicted`` (a class) or ``value``; missing ones are retractions."""
    rows = len(labels)
    if schema.task is Task.REGRESSION:
        value = numbers(labels)
        return Answers(no_class(rows), value, nothing(rows), faults=_mark(np.isinf(value), "wrong_type"))
    coded, faults = _classes(labels, schema, limits)
    return Answers(coded, nothing(rows), nothing(rows), faults=faults)


def _regression(predictions: Sequence[Any] | Floats) -> Answers:
    """A number beyond float64 is an invalid value of a usable event; anything but a number says nothing."""
    value = numbers(predictions)
    faults = _mark(np.isnan(value), "missing_field")
    if not isinstance(predictions, np.ndarray):
        odd = np.flatnonzero(np.isinf(value)).tolist()
        faults |= {i: "wrong_type" for i in odd if type(predictions[i]) not in (int, float)}
    return Answers(no_class(len(value)), value, nothing(len(value)), faults=faults)


def _binary(fields: Mapping[str, Sequence[Any]], schema: Schema, limits: Limits) -> Answers:
    predicted, faults = _classes(fields["prediction"], schema, limits)
    score = _probabilities(numbers(_positive_scores(fields, schema.positive)))
    absent = predicted.codes == MISSING
    if absent.any():
        faults |= _unanswered(absent, score)
        predicted = _by_threshold(predicted, absent, score, schema)
    return Answers(predicted, nothing(len(score)), score, faults=faults)


def _positive_scores(fields: Mapping[str, Any], positive: str | None) -> Any:
    """``score``, or else the positive class's entry of ``scores``."""
    score, scores = fields["score"], fields["scores"]
    if isinstance(score, np.ndarray) or None not in score or scores.count(None) == len(scores):
        return score
    return [
        s if s is not None or type(d) is not dict else d.get(positive)
        for s, d in zip(score, scores, strict=True)
    ]


def _by_threshold(predicted: Coded, absent: Bools, score: Floats, schema: Schema) -> Coded:
    names = {name: i for i, name in enumerate(predicted.values)}
    positive = names.setdefault(str(schema.positive), len(names))
    negative = names.setdefault(negative_class(schema), len(names))
    chosen = np.where(score >= schema.threshold, positive, negative)
    return Coded(np.where(absent, chosen, predicted.codes).astype(np.int32), tuple(names))


def negative_class(schema: Schema) -> str:
    """The name of a binary task's other class."""
    if schema.negative is not None:
        return schema.negative
    others = [name for name in schema.classes or () if name != schema.positive]
    return others[0] if len(others) == 1 else unnamed_negative(schema.positive)


def _multiclass(fields: Mapping[str, Sequence[Any]], schema: Schema, limits: Limits) -> Answers:
    predicted, faults = _classes(fields["prediction"], schema, limits)
    rows = len(predicted.codes)
    absent = predicted.codes == MISSING
    answers = Answers(predicted, nothing(rows), nothing(rows), faults=faults)
    if not any(fields["scores"]) or not (schema.keep_scores or absent.any()):
        answers.faults |= _mark(absent, "missing_field")
        return answers
    scores, classes = class_scores(fields["scores"], schema, limits)
    if absent.any():
        best, usable = _best(scores)
        answers.faults |= _unanswered(absent, usable)
        answers.predicted = _by_scores(predicted, absent, best, classes)
    if schema.keep_scores:
        answers.scores, answers.score_classes = scores, classes
    return answers


def _best(scores: Floats) -> tuple[Codes32, Floats]:
    """The class of the highest score (first of equals); per row 0, NaN (no score) or +inf (invalid)."""
    rows = scores.shape[1]
    if not len(scores):
        return np.zeros(rows, np.int32), nothing(rows)
    empty = np.isnan(scores).all(axis=0)
    usable = np.where(np.isinf(scores).any(axis=0), np.inf, np.where(empty, np.nan, 0.0))
    return np.argmax(np.where(np.isnan(scores), -1.0, scores), axis=0).astype(np.int32), usable


def _by_scores(predicted: Coded, absent: Bools, best: Codes32, classes: tuple[str, ...]) -> Coded:
    names = {name: i for i, name in enumerate(predicted.values)}
    places = np.array([names.setdefault(name, len(names)) for name in classes] or [MISSING], np.int32)
    return Coded(np.where(absent, places[best], predicted.codes).astype(np.int32), tuple(names))


def class_scores(scores: Sequence[Any], schema: Schema, limits: Limits) -> tuple[Floats, tuple[str, ...]]:
    """[classes, rows] of ``scores``; classes are the declared ones, or those that occur, sorted.

    NaN where a class is absent, +inf where its score is no probability. A row with more than
    ``limits.classes`` open classes counts as one without scores.
    """
    rows = [s if isinstance(s, dict) else {} for s in scores]
    if schema.classes is not None:
        names = schema.classes
    else:
        rows = [row if len(row) <= limits.classes else {} for row in rows]
        names = tuple(sorted(set().union(*rows)))
    kept = {text: name for name in names if (text := _class_name(name, limits)) is not None}
    matrix = numeric_features(rows, tuple(kept.values()))
    return _probabilities(matrix), tuple(kept)


def _class_name(name: str, limits: Limits) -> str | None:
    text = canonical(name)
    return text if isinstance(text, str) and len(text.encode()) <= limits.name_bytes else None


def _probabilities(values: Floats) -> Floats:
    """Values outside [0, 1] are invalid."""
    outside = (values < 0) | (values > 1)
    return np.where(outside, np.inf, values) if outside.any() else values


def _classes(values: Sequence[Any], schema: Schema, limits: Limits) -> tuple[Coded, Faults]:
    coded = code(values, limits.name_bytes)
    faults = {
        i: "name_too_long" if isinstance(values[i], str) else "wrong_type"
        for i in np.flatnonzero(coded.codes == INVALID).tolist()
    }
    if schema.classes is not None:
        strangers = _strangers(coded.values, schema)
        faults |= _mark(np.isin(coded.codes, strangers), "unknown_class") if strangers else {}
    return coded, faults


def _strangers(names: Iterable[str], schema: Schema) -> list[int]:
    known = {*(schema.classes or ()), schema.positive, schema.negative}
    return [i for i, name in enumerate(names) if name not in known]


def _unanswered(absent: Bools, score: Floats) -> Faults:
    """Rows with no class and no usable score."""
    return _mark(absent & np.isnan(score), "missing_field") | _mark(absent & np.isinf(score), "wrong_type")


def _mark(rows: Bools, reason: str) -> Faults:
    return dict.fromkeys(np.flatnonzero(rows).tolist(), reason)
