"""Event times: RFC 3339 with an offset, or integer epoch milliseconds. Units are never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driftline.instants import LAST_MS
from driftline.records import Bools, Ints

UNUSABLE: Final = -1
"""What stands for a time that cannot be used; usable ones are positive."""
MAX_MS: Final = LAST_MS
"""The last millisecond of year 9999."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_MARKS = ((4, b"-"), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":"))
_LONGEST = 48


def parse_time(value: object) -> int:
    """Epoch milliseconds (fractions floored), or ``UNUSABLE``."""
    if type(value) is int:
        return value if 0 < value <= MAX_MS else UNUSABLE
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return UNUSABLE
    *fields, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime(*map(int, fields), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return UNUSABLE
    offset_ms = (int(hours) * 60 + int(minutes)) * 60_000 if sign else 0
    time_ms = int(moment.timestamp()) * 1000 + int((fraction or "0")[:3].ljust(3, "0"))
    time_ms += offset_ms if sign == "-" else -offset_ms
    return time_ms if 0 < time_ms <= MAX_MS else UNUSABLE


def parse_times(values: Sequence[object]) -> Ints:
    """``parse_time`` of each value; fixed shapes of RFC 3339 are read as arrays of bytes."""
    types = set(map(type, values))
    if types == {str}:
        return _parse_texts(values)  # type: ignore[arg-type]
    if types == {int}:
        return _parse_ints(values)  # type: ignore[arg-type]
    return np.fromiter(map(parse_time, values), np.int64, len(values))


def _parse_ints(values: Sequence[int]) -> Ints:
    try:
        times = np.array(values, np.int64)
    except OverflowError:
        return np.fromiter(map(parse_time, values), np.int64, len(values))
    return parse_milliseconds(times)


def parse_milliseconds(times: Ints) -> Ints:
    """``parse_time`` of integers."""
    return np.where((times > 0) & (times <= MAX_MS), times, UNUSABLE)


def _parse_texts(values: Sequence[str]) -> Ints:
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    times = np.full(len(values), UNUSABLE, np.int64)
    todo = np.ones(len(values), bool)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        texts = values if len(rows) == len(values) else [values[i] for i in rows.tolist()]
        joined = "".join(texts)
        if 20 <= length <= _LONGEST and len(rows) > 8 and joined.isascii():
            block = np.frombuffer(joined.encode(), np.uint8).reshape(len(rows), length)
            times[rows], good = _parse_block(block)
            todo[rows] = ~good
    for i in np.flatnonzero(todo).tolist():
        times[i] = parse_time(values[i])
    return times


def _parse_block(block: NDArray[np.uint8]) -> tuple[Ints, Bools]:
    """Times of ASCII texts of one length, and which were of a known shape and valid."""
    columns = np.ascontiguousarray(block.T)
    good = np.ones(len(block), bool)
    for at, marks in _MARKS:
        good &= np.isin(columns[at], np.frombuffer(marks, np.uint8))
    utc = (columns[-1] | 32) == ord("z")
    if utc.all():
        tail, offset_min = -1, np.zeros(len(block), np.int64)
    else:
        tail, (offset_min, valid) = -6, _offsets(columns)
        good &= valid & ~utc
    milliseconds, digits = _fraction(columns[19:tail])
    times, dates = _civil_ms(columns)
    times += milliseconds - offset_min * 60_000
    good &= digits & dates & (times > 0) & (times <= MAX_MS)
    return times, good


def _digits(columns: NDArray[np.uint8], start: int, count: int) -> tuple[Ints, Bools]:
    digits = columns[start : start + count].astype(np.int64) - ord("0")
    weights = 10 ** np.arange(count - 1, -1, -1)
    return np.asarray(weights @ digits, np.int64), np.asarray(
        ((digits >= 0) & (digits <= 9)).all(axis=0), bool
    )


def _offsets(columns: NDArray[np.uint8]) -> tuple[Ints, Bools]:
    n = len(columns)
    (hours, good_h), (minutes, good_m) = _digits(columns, n - 5, 2), _digits(columns, n - 2, 2)
    sign = np.where(columns[-6] == ord("-"), -1, 1)
    good = good_h & good_m & (hours < 24) & (minutes < 60) & (columns[-3] == ord(":"))
    return sign * (hours * 60 + minutes), good & ((columns[-6] == ord("+")) | (columns[-6] == ord("-")))


def _fraction(columns: NDArray[np.uint8]) -> tuple[Ints, Bools]:
    """Milliseconds of a fraction with its point; none is 0."""
    if not len(columns):
        return np.zeros(columns.shape[1], np.int64), np.ones(columns.shape[1], bool)
    digits = columns[1:].astype(np.int64) - ord("0")
    good: Bools = np.asarray((columns[0] == ord(".")) & ((digits >= 0) & (digits <= 9)).all(axis=0), bool)
    kept = digits[:3]
    if not len(kept):
        good[:] = False
    return np.array([100, 10, 1])[: len(kept)] @ kept, good


def _civil_ms(columns: NDArray[np.uint8]) -> tuple[Ints, Bools]:
    (year, g1), (month, g2), (day, g3) = (_digits(columns, at, n) for at, n in ((0, 4), (5, 2), (8, 2)))
    (hour, g4), (minute, g5), (second, g6) = (_digits(columns, at, 2) for at in (11, 14, 17))
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _MONTH_DAYS[np.clip(month, 0, 12)] + ((month == 2) & leap)
    good = g1 & g2 & g3 & g4 & g5 & g6 & (year > 0) & (month >= 1) & (month <= 12)
    good &= (day >= 1) & (day <= last) & (hour < 24) & (minute < 60) & (second < 60)
    seconds = (hour * 60 + minute) * 60 + second
    return (_days(year, month, day) * 86_400 + seconds) * 1000, good


def _days(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970-01-01 in the proleptic Gregorian calendar, counted in years from March."""
    year = year - (month <= 2)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + day_of_year - 719_468
