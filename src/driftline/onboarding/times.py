"""Columns of times in a user's own file: how they are written, and their epoch milliseconds.

The daemon never guesses a unit. Here it is guessed once, said, and written out as RFC 3339.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np

from driftline.errors import DataError
from driftline.records import Ints
from driftline.reference.columns import read_numbers
from driftline.reference.tables import Table

_FIRST_S, _LAST_S = 315_532_800.0, 4_102_444_800.0
"""1980 and 2100: a number of seconds between them may be a time."""
_SHORTEST = len("2026-01-31")


class Unit(StrEnum):
    """How a column's times are written."""

    TEXT = "RFC 3339, or a date"
    SECONDS = "epoch seconds"
    MILLISECONDS = "epoch milliseconds"
    MICROSECONDS = "epoch microseconds"


_PER_MS = {Unit.SECONDS: 1000.0, Unit.MILLISECONDS: 1.0, Unit.MICROSECONDS: 0.001}


def unit_of_numbers(lowest: float, highest: float) -> Unit | None:
    """The unit in which both numbers lie between 1980 and 2100; None: they are no times."""
    for unit, per_ms in _PER_MS.items():
        if lowest * per_ms >= _FIRST_S * 1000 and highest * per_ms <= _LAST_S * 1000:
            return unit
    return None


def is_time_text(text: str) -> bool:
    """Whether a text is a date or a time as ISO 8601 has them."""
    if len(text) < _SHORTEST or text[4] != "-":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def read_times(table: Table, column: str, unit: Unit) -> Ints:
    """[rows] epoch milliseconds; a text without an offset is taken as UTC.

    Raises
    ------
    DataError
        A value that is no time, with its row.
    """
    if unit is not Unit.TEXT:
        return _of_numbers(read_numbers(table, column), unit, column)
    values = [value for array in table.arrays(column) for value in array.to_pylist()]
    return np.array([_time_ms(value, column, row) for row, value in enumerate(values, 1)], np.int64)


def _of_numbers(numbers: Any, unit: Unit, column: str) -> Ints:
    unusable = np.flatnonzero(~np.isfinite(numbers))
    if len(unusable):
        raise DataError(f"column {column!r}: row {int(unusable[0]) + 1} has no time; every row needs one")
    return np.asarray(np.floor(numbers.astype(np.float64) * _PER_MS[unit]), np.int64)


def _time_ms(value: Any, column: str, row: int) -> int:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip('"'))
    except ValueError as error:
        raise DataError(f"column {column!r}: row {row} holds {value!r}, which is no time") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
