"""Columns of times in a user's own file: how they are written, and their epoch milliseconds.

The daemon never guesses a unit. Here it is guessed once, said, and written out as RFC 3339.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from driftline.errors import DataError
from driftline.records import Bools, Ints
from driftline.reference.columns import read_numbers
from driftline.reference.tables import Table
from driftline.reference.units import PER_MS, Unit


def read_times(table: Table, column: str, unit: Unit, absent: Ints | None = None) -> Ints:
    """[rows] epoch milliseconds; a text without an offset is taken as UTC.

    Parameters
    ----------
    absent
        [rows] what stands for a time that is missing; None: every row needs one.

    Raises
    ------
    DataError
        A value that is no time, or is missing, with its row.
    """
    missing = ~is_present(table, column)
    if missing.any() and absent is None:
        row = int(np.flatnonzero(missing)[0]) + 1
        raise DataError(f"column {column!r}: row {row} has no time; every row needs one")
    read = _of_texts(table, column) if unit is Unit.TEXT else _of_numbers(table, column, unit, missing)
    return read if absent is None else np.where(missing, absent, read)


def is_present(table: Table, column: str) -> Bools:
    """[rows] whether there is a value; NaN is none."""
    nulls = [array.is_null(nan_is_null=True) for array in table.arrays(column)]
    return ~np.concatenate([array.to_numpy(zero_copy_only=False) for array in nulls])


def _of_texts(table: Table, column: str) -> Ints:
    values = [value for array in table.arrays(column) for value in array.to_pylist()]
    rows = enumerate(values, 1)
    return np.array([0 if value is None else _time_ms(value, column, row) for row, value in rows], np.int64)


def _of_numbers(table: Table, column: str, unit: Unit, missing: Bools) -> Ints:
    numbers = read_numbers(table, column).astype(np.float64)
    unusable = np.flatnonzero(~np.isfinite(numbers) & ~missing)
    if len(unusable):
        raise DataError(f"column {column!r}: row {int(unusable[0]) + 1} holds no time")
    return np.asarray(np.floor(np.where(missing, 0.0, numbers) * PER_MS[unit]), np.int64)


def _time_ms(value: Any, column: str, row: int) -> int:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip('"'))
    except ValueError as error:
        raise DataError(f"column {column!r}: row {row} holds {value!r}, which is no time") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
