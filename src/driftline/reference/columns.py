"""One column of a table as an array: numbers, or codes of canonical strings, or the span of its times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from driftline.errors import DataError
from driftline.records import INVALID, MISSING, Coded
from driftline.reference import canonical
from driftline.reference.tables import Table

MAX_CATEGORIES = 50_000
_CHUNK_ROWS = 1 << 20
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
Advance = Callable[[int], None]
"""Told of each number of rows read."""


def _silent(rows: int) -> None:
    del rows


def is_numeric(table: Table, column: str) -> bool:
    """Whether a column is numeric by its type; text is, when each value that is there is a number."""
    kind = table.columns[column]
    if table.text is None:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
    return all(all_numbers(array) for array in table.arrays(column))


def all_numbers(array: pa.Array[Any]) -> bool:
    """Whether each value of an array of text that is there is a number."""
    try:
        pc.cast(array, pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def has_more_values(table: Table, column: str, limit: int) -> bool:
    """Whether a numeric column has over ``limit`` different values; reads no further than it must."""
    seen = np.empty(0)
    for array in table.arrays(column):
        seen = np.union1d(seen, numbers_of(array.drop_null()))
        if seen.size > limit:
            return True
    return False


def is_categorical(table: Table, column: str) -> bool:
    """Whether a column that is not numeric can be read as categories."""
    kind = table.columns[column]
    tests = (
        pa.types.is_dictionary,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_boolean,
        pa.types.is_null,
    )
    return any(test(kind) for test in tests)


def is_float32(table: Table, column: str) -> bool:
    """Whether production's values are to be rounded to float32 before they are compared."""
    return bool(pa.types.is_float32(table.columns[column]))


def read_numbers(table: Table, column: str, advance: Advance = _silent) -> NDArray[Any]:
    """[rows] float64, or float32 for a float32 column; NaN is missing, +-inf invalid (no number too)."""
    values = np.empty(table.rows, np.float32 if is_float32(table, column) else np.float64)
    at = 0
    for array in table.arrays(column):
        numbers = numbers_of(array)
        values[at : at + len(array)] = numbers
        at += len(array)
        advance(len(array))
    return values[:at]


def numbers_of(array: pa.Array[Any]) -> NDArray[Any]:
    """[len(array)] numbers; NaN is missing, +-inf invalid."""
    kind = array.type
    if isinstance(kind, pa.DictionaryType):
        array = array.cast(kind.value_type)
    if pa.types.is_float32(array.type):
        return np.asarray(array.to_numpy(zero_copy_only=False))
    try:
        numbers = pc.cast(array, pa.float64(), safe=not pa.types.is_integer(array.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        numbers = _forced(array)
    return np.asarray(numbers.to_numpy(zero_copy_only=False))


def _forced(array: pa.Array[Any]) -> Any:
    """Numbers of text that has others among them: those are invalid."""
    text = array.cast(pa.string())
    is_number = pc.match_substring_regex(text, _NUMBER)
    return pc.cast(pc.utf8_trim_whitespace(pc.if_else(is_number, text, "inf")), pa.float64())


def read_codes(table: Table, column: str, advance: Advance = _silent) -> Coded:
    """[rows] int32 codes into canonical strings, in the order of their first occurrence."""
    codes = np.empty(table.rows, np.int32)
    known: dict[str, int] = {}
    convert = _converter(table)
    at = 0
    for array in table.arrays(column):
        codes[at : at + len(array)] = _codes(array, known, convert)
        if len(known) > MAX_CATEGORIES:
            raise DataError(
                f"column {column!r} has over {MAX_CATEGORIES} different values: that is no category; "
                f"leave it out with --exclude {column}"
            )
        at += len(array)
        advance(len(array))
    return Coded(codes[:at], tuple(known))


def _converter(table: Table) -> Callable[[Any], str | int]:
    by_text: dict[str | None, Callable[[Any], str | int]] = {
        "csv": canonical.from_csv,
        "json": canonical.from_json,
        None: canonical.from_value,
    }
    return by_text[table.text]


def _codes(
    array: pa.Array[Any], known: dict[str, int], convert: Callable[[Any], str | int]
) -> NDArray[np.int32]:
    """The array's codes; each different value of it is converted once."""
    coded: Any = array if isinstance(array.type, pa.DictionaryType) else pc.dictionary_encode(array)
    translation = [_code(convert(_short(value)), known) for value in coded.dictionary]
    indices = np.asarray(coded.indices.fill_null(len(translation)).to_numpy(zero_copy_only=False), np.int64)
    return np.array([*translation, MISSING], np.int32)[indices]


def _short(scalar: Any) -> Any:
    """The Python value; a float32 as the shortest decimal that means it, as JSON would carry it."""
    value = scalar.as_py()
    if pa.types.is_float32(scalar.type) and value is not None:
        return float(str(np.float32(value)))
    return value


def _code(value: str | int, known: dict[str, int]) -> int:
    return value if isinstance(value, int) else known.setdefault(value, len(known))


def counts_of(coded: Coded) -> tuple[dict[str, int], int, int]:
    """Count of each value, and how many are missing and invalid."""
    tally = np.zeros(len(coded.values) + 2, np.int64)
    for i in range(0, coded.codes.size, _CHUNK_ROWS):
        tally += np.bincount(coded.codes[i : i + _CHUNK_ROWS] + 2, minlength=tally.size)
    per_value = {v: int(c) for v, c in zip(coded.values, tally[2:], strict=True) if c}
    return per_value, int(tally[MISSING + 2]), int(tally[INVALID + 2])


def time_span_ms(table: Table, column: str, advance: Advance = _silent) -> tuple[int, int] | None:
    """First and last event time: RFC 3339 (without an offset: UTC), epoch milliseconds, or a timestamp column."""
    ends: list[int] = []
    for array in table.arrays(column):
        present = array.drop_null()
        if len(present):
            times = _times_ms(present, table, column)
            ends = [min([*ends, *times]), max([*ends, *times])]
        advance(len(array))
    return (ends[0], ends[-1]) if ends else None


def sample_of(table: Table, column: str) -> str:
    """The first value that is there, as a text; empty where there is none."""
    present = (array.drop_null() for array in table.arrays(column))
    return next((_unquoted(array[0].as_py()) for array in present if len(array)), "")


def _times_ms(array: pa.Array[Any], table: Table, column: str) -> list[int]:
    if pa.types.is_date(array.type):
        array = pc.cast(array, pa.timestamp("ms"))
    if pa.types.is_timestamp(array.type):
        extremes: Any = pc.min_max(
            pc.cast(array, pa.timestamp("ms", getattr(array.type, "tz", None)), safe=False)
        )
        return [pc.cast(extremes[end], pa.int64()).as_py() for end in ("min", "max")]
    return [
        _time_ms(_unquoted(value) if table.text == "json" else value, column) for value in array.to_pylist()
    ]


def _unquoted(text: Any) -> str:
    return str(text).strip('"')


def _time_ms(value: Any, column: str) -> int:
    try:
        if isinstance(value, int) or value.lstrip("-").isdigit():
            return int(value)
        moment = datetime.fromisoformat(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"column {column!r}: {value!r} is no time; write RFC 3339 or integer epoch milliseconds"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
