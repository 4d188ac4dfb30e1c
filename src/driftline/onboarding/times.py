"""Columns of times in a user's own file: how they are written, and their epoch milliseconds.

The daemon never guesses a unit. Here it is guessed once, said, and written out as RFC 3339.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from driftline.errors import DataError
from driftline.records import Ints
from driftline.reference.columns import read_numbers
from driftline.reference.tables import Table
from driftline.reference.units import PER_MS, Unit


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
    return np.asarray(np.floor(numbers.astype(np.float64) * PER_MS[unit]), np.int64)


def _time_ms(value: Any, column: str, row: int) -> int:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip('"'))
    except ValueError as error:
        raise DataError(f"column {column!r}: row {row} holds {value!r}, which is no time") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
