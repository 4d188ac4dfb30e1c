"""Instants as text and back: RFC 3339 in UTC on the outside, integer epoch milliseconds inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def rfc3339(at_ms: int) -> str:
    """The instant in UTC, with milliseconds only when they are not zero: ``1970-01-01T00:00:00Z``."""
    moment = _EPOCH + at_ms * _MILLISECOND
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{at_ms % 1000:03d}Z" if at_ms % 1000 else f"{text}Z"


def parse_instant(text: str) -> int:
    """The epoch milliseconds of an RFC 3339 text.

    Raises
    ------
    ValueError
        The text is no date and time, or names no offset: it is never guessed.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no date and time; write it as "2026-01-31T00:00:00Z"') from None
    if moment.tzinfo is None:
        raise ValueError(f'"{text}" has no offset; write "{moment.isoformat()}Z" for UTC')
    return (moment - _EPOCH) // _MILLISECOND
