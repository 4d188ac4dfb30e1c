"""Rows of a data file as canonical events: predictions by time, labels by the time at which they became known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from driftline.instants import rfc3339
from driftline.onboarding.guess import Guess
from driftline.onboarding.times import read_times
from driftline.records import Ints
from driftline.reference.columns import read_codes, read_numbers
from driftline.reference.tables import Table
from driftline.reference.units import Unit
from driftline.settings import Task

Values = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """When the rows happened and when their labels became known."""

    unit: Unit | None
    """Of the column of times; None: the rows have none, and come ``every_ms`` from ``start_ms``."""
    label_unit: Unit | None
    start_ms: int = 0
    every_ms: int = 0
    label_delay_ms: int = 0
    now_ms: int = 1 << 62
    """A label that stands in a file is known by now, whatever its delay."""

    def times(self, table: Table, column: str | None) -> Ints:
        """[rows] epoch milliseconds."""
        if column is None or self.unit is None:
            return self.start_ms + self.every_ms * np.arange(table.rows, dtype=np.int64)
        return read_times(table, column, self.unit)

    def label_times(self, table: Table, column: str | None, times: Ints) -> Ints:
        """[rows] epoch milliseconds; where the file has none, so long after the prediction as labels are said to come."""
        assumed = np.maximum(times, np.minimum(times + self.label_delay_ms, self.now_ms))
        if column is None or self.label_unit is None:
            return assumed
        return read_times(table, column, self.label_unit, assumed)


@dataclass(frozen=True, slots=True)
class Events:
    """JSON lines of one kind."""

    lines: Iterator[bytes]
    count: int


def events_of(table: Table, guess: Guess, clock: Clock, *, model: str, version: str) -> tuple[Events, Events]:
    """(predictions, labels); a row without a label has a prediction only."""
    roles = guess.roles
    times = clock.times(table, roles.time)
    ids = _ids(table, roles.prediction_id, model)
    rows = np.argsort(times, kind="stable")
    fields = _fields(table, guess)
    features = {name: _values(table, name, numeric=name in guess.numeric) for name in guess.features}
    head = {"model": model, "version": version}
    predictions = (
        _line({
            "prediction_id": ids[i], **head, "time": rfc3339(int(times[i])), "features": _present(features, i),
            **_present(fields, i),
        }) for i in rows.tolist()
    )  # fmt: skip
    return Events(predictions, len(rows)), _labels(table, guess, clock, times, ids, model)


def _labels(table: Table, guess: Guess, clock: Clock, times: Ints, ids: Values, model: str) -> Events:
    column = guess.roles.label
    if column is None:
        return Events(iter(()), 0)
    truth = _values(table, column, numeric=guess.task is Task.REGRESSION)
    known = clock.label_times(table, guess.roles.label_time, times)
    rows = [i for i in np.argsort(known, kind="stable").tolist() if truth[i] is not None]
    lines = (
        _line({"prediction_id": ids[i], "model": model, "label": truth[i], "time": rfc3339(int(known[i]))})
        for i in rows
    )
    return Events(lines, len(rows))


def _fields(table: Table, guess: Guess) -> dict[str, Values]:
    roles = guess.roles
    found: dict[str, Values] = {}
    if roles.prediction is not None:
        found["prediction"] = _values(table, roles.prediction, numeric=guess.task is Task.REGRESSION)
    if roles.score is not None:
        found["score"] = _values(table, roles.score, numeric=True)
    return found


def _ids(table: Table, column: str | None, model: str) -> Values:
    if column is None:
        return [f"{model}-{row}" for row in range(table.span[0], table.span[0] + table.rows)]
    coded = read_codes(table, column)
    return [coded.values[code] for code in coded.codes.tolist()]


def _values(table: Table, column: str, *, numeric: bool) -> Values:
    """Python values as they stand in an event; None is missing."""
    if not numeric:
        coded = read_codes(table, column)
        by_code = (*coded.values, None, None)  # -1 and -2 are missing and invalid
        return [by_code[code] for code in coded.codes.tolist()]
    return [_number(x) for x in read_numbers(table, column).tolist()]


def _number(value: float) -> Any:
    """A number without a needless fraction; what is no number stays one that no reader takes for one."""
    if value != value:  # noqa: PLR0124 - NaN is the only value that differs from itself
        return None
    if value in (float("inf"), float("-inf")):
        return "invalid"
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _present(columns: dict[str, Values], row: int) -> dict[str, Any]:
    return {name: values[row] for name, values in columns.items() if values[row] is not None}


def _line(event: dict[str, Any]) -> bytes:
    return msgspec.json.encode(event) + b"\n"
