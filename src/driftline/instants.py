"""Instants as text and back: RFC 3339 in UTC on the outside, integer epoch milliseconds inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
"""The first and the last millisecond that RFC 3339 can say: of the years 1 and 9999."""


def moment(at_ms: int) -> datetime:
    """The instant in UTC; what no date can say, such as a window's end beyond the year 9999, is the last that one can."""
    return _EPOCH + min(max(at_ms, FIRST_MS), LAST_MS) * _MILLISECOND


def rfc3339(at_ms: int) -> str:
    """``moment`` as text, with milliseconds only when they are not zero: ``1970-01-01T00:00:00Z``."""
    at = moment(at_ms)
    text = at.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{at.microsecond // 1000:03d}Z" if at.microsecond else f"{text}Z"


def parse_instant(text: str) -> int:
    """The epoch milliseconds of an RFC 3339 text.

    Raises
    ------
    ValueError
        The text is no date and time, or names no offset: it is never guessed.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no date and time; write it as "2026-01-31T00:00:00Z"') from None
    if at.tzinfo is None:
        raise ValueError(f'"{text}" has no offset; write "{at.isoformat()}Z" for UTC')
    return (at - _EPOCH) // _MILLISECOND
