"""What the model answered and what was true, in the reference: outputs, labels and validation metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from driftline.errors import UsageError
from driftline.records import Coded, Floats
from driftline.reference import canonical as canonical_texts
from driftline.reference import columns, performance
from driftline.reference.bins import categorical_profile, numeric_profile
from driftline.reference.profile import CategoricalProfile, NumericProfile
from driftline.reference.tables import Table
from driftline.settings import DEFAULT_THRESHOLD, Task

_CONTINUOUS = 20
"""A numeric answer of more different values is a regression's, unless the task is given."""


@dataclass(frozen=True, slots=True)
class OutputColumns:
    """Which columns hold the answers, and how they are meant."""

    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    positive: str | None = None
    task: Task | None = None
    threshold: float | None = None
    """Score from which the positive class is meant, where there is no prediction; None: the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Profiles of the answers and labels, and how good the answers were."""

    task: Task | None = None
    positive: str | None = None
    """The positive class, as the columns have it."""
    threshold: float | None = None
    """By which the scores alone told the predicted class; None: they did not."""
    score: NumericProfile | None = None
    value: NumericProfile | None = None
    predicted: CategoricalProfile | None = None
    label: CategoricalProfile | None = None
    label_mean: float | None = None
    performance: Mapping[str, Any] = field(default_factory=dict)


AdvanceOf = Callable[[str], columns.Advance]


def read_outputs(table: Table, wanted: OutputColumns, advance_of: AdvanceOf) -> Outputs:
    """Read the answers' columns.

    Without a task: binary with ``positive`` or two classes, regression for numbers of many different
    values, else multiclass; None without answers and labels.
    """
    if _is_regression(table, wanted):
        return _regression(table, wanted, advance_of)
    return _classification(table, wanted, advance_of)


def _is_regression(table: Table, wanted: OutputColumns) -> bool:
    if wanted.task is not None:
        return wanted.task is Task.REGRESSION
    given = [name for name in (wanted.prediction, wanted.label) if name is not None]
    if wanted.positive is not None or wanted.score is not None or not given:
        return False
    return all(columns.is_numeric(table, name) for name in given) and any(
        columns.has_more_values(table, name, _CONTINUOUS) for name in given
    )


@np.errstate(over="ignore", invalid="ignore")
def _regression(table: Table, wanted: OutputColumns, advance_of: AdvanceOf) -> Outputs:
    predicted = _numbers(table, wanted.prediction, advance_of)
    label = _numbers(table, wanted.label, advance_of)
    both = predicted is not None and label is not None
    finite = label[np.isfinite(label)] if label is not None else np.empty(0)
    return Outputs(
        task=Task.REGRESSION,
        value=_numeric_profile(table, wanted.prediction, predicted),
        label_mean=float(finite.mean()) if finite.size else None,
        performance=performance.regression(label, predicted) if both else {},  # type: ignore[arg-type]
    )


def _classification(table: Table, wanted: OutputColumns, advance_of: AdvanceOf) -> Outputs:
    label = _codes(table, wanted.label, advance_of)
    score = _numbers(table, wanted.score, advance_of)
    predicted = _codes(table, wanted.prediction, advance_of)
    wanted = replace(wanted, positive=_as_written(wanted.positive, label, predicted))
    thresholded = None if predicted else _from_score(score, label, wanted)
    predicted = predicted or thresholded
    task = _task(wanted, label, predicted)
    both = label is not None and predicted is not None
    return Outputs(
        task=task,
        positive=wanted.positive,
        threshold=_threshold(wanted) if thresholded else None,
        score=_numeric_profile(table, wanted.score, score),
        predicted=_categorical_profile(wanted.prediction or "prediction", predicted),
        label=_categorical_profile(wanted.label or "label", label),
        performance=performance.classification(label, predicted, score, wanted.positive) if both else {},  # type: ignore[arg-type]
    )


def _as_written(positive: str | None, *columns: Coded | None) -> str | None:
    """The positive class as the columns have it: ``True`` and ``1.0`` of a CSV are ``true`` and ``1`` there."""
    classes = {value for column in columns if column for value in column.values}
    canonical = canonical_texts.from_csv(positive)
    return (
        canonical
        if positive not in classes and isinstance(canonical, str) and canonical in classes
        else positive
    )


def _task(wanted: OutputColumns, label: Coded | None, predicted: Coded | None) -> Task | None:
    classes = {*(label.values if label else ()), *(predicted.values if predicted else ())}
    if wanted.positive is not None and classes and wanted.positive not in classes:
        raise UsageError(
            f"the positive class {wanted.positive!r} does not occur; the classes are: {', '.join(sorted(classes))}"
        )
    if wanted.task is not None:
        return wanted.task
    if wanted.positive is not None or len(classes) == 2:
        return Task.BINARY
    return Task.MULTICLASS if classes else None


def _threshold(wanted: OutputColumns) -> float:
    return DEFAULT_THRESHOLD if wanted.threshold is None else wanted.threshold


def _from_score(score: Floats | None, label: Coded | None, wanted: OutputColumns) -> Coded | None:
    """The classes that scores alone mean, where the labels tell the name of the other class."""
    others = [value for value in (label.values if label else ()) if value != wanted.positive]
    if score is None or wanted.positive is None:
        return None
    if len(others) != 1:
        _refuse_threshold(wanted, others)
        return None
    return performance.thresholded(score, wanted.positive, others[0], _threshold(wanted))


def _refuse_threshold(wanted: OutputColumns, others: list[str]) -> None:
    """A threshold that was asked for and cannot tell classes apart is no silent nothing."""
    if wanted.threshold is not None and wanted.label is not None:
        found = ", ".join(others) or "none"
        raise UsageError(
            f"--threshold tells {wanted.positive} from one other class, and {wanted.label} has beside it: {found}"
        )


def _numbers(table: Table, name: str | None, advance_of: AdvanceOf) -> Floats | None:
    if name is None:
        return None
    return columns.read_numbers(table, name, advance_of(name)).astype(np.float64, copy=False)


def _codes(table: Table, name: str | None, advance_of: AdvanceOf) -> Coded | None:
    return None if name is None else columns.read_codes(table, name, advance_of(name))


def _numeric_profile(table: Table, name: str | None, values: Floats | None) -> NumericProfile | None:
    if name is None or values is None:
        return None
    return numeric_profile(name, values, float32=columns.is_float32(table, name))


def _categorical_profile(name: str, coded: Coded | None) -> CategoricalProfile | None:
    if coded is None:
        return None
    counts, missing, invalid = columns.counts_of(coded)
    return categorical_profile(name, counts, missing=missing, invalid=invalid)
