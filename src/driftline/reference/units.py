"""How the times of a column are written, told by its values: the daemon never guesses that, a data file needs it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

_FIRST_S, _LAST_S = 315_532_800.0, 4_102_444_800.0
"""1980 and 2100: a number of seconds between them may be a time."""
_SHORTEST = len("2026-01-31")


class Unit(StrEnum):
    """How a column's times are written."""

    TEXT = "RFC 3339, or a date"
    SECONDS = "epoch seconds"
    MILLISECONDS = "epoch milliseconds"
    MICROSECONDS = "epoch microseconds"
    NANOSECONDS = "epoch nanoseconds"


PER_MS = {
    Unit.SECONDS: 1000.0,
    Unit.MILLISECONDS: 1.0,
    Unit.MICROSECONDS: 1e-3,
    Unit.NANOSECONDS: 1e-6,
}
"""Milliseconds in one of a unit."""


def unit_of_numbers(lowest: float, highest: float) -> Unit | None:
    """The unit in which both numbers lie between 1980 and 2100; None: they are no times."""
    for unit, per_ms in PER_MS.items():
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


def without_zone(name: str, sample: str) -> str | None:
    """What is assumed of times that say no zone, a sentence; None: ``sample`` says it, or is a number."""
    if not is_time_text(sample) or datetime.fromisoformat(sample).tzinfo is not None:
        return None
    return f'{name} is in UTC, since its values, as "{sample}", have no zone'
