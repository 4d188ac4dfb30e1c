"""Canonical strings: how classes, categories and segment values are written so that equal ones are equal.

Strings as they are, integral numbers as integers, booleans as ``true`` and ``false``, empty is missing.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from driftline.records import INVALID, MISSING

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_INT64 = 2**63


def number_text(value: float) -> str:
    """A finite number as a category: ``2.0 -> "2"``, ``0.5 -> "0.5"``."""
    if value.is_integer() and abs(value) < _INT64:
        return str(int(value))
    return repr(value)


def from_value(value: Any) -> str | int:
    """The canonical string of a typed value, or MISSING, or INVALID (non-finite, nested, over 64 bits)."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -_INT64 <= value < _INT64 else INVALID
    return _from_float(value)


def _from_float(value: Any) -> str | int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return INVALID
    if number != number:  # noqa: PLR0124 - NaN is the only value that differs from itself
        return MISSING
    if number in (float("inf"), float("-inf")):
        return INVALID
    return number_text(number)


def from_csv(text: str | None) -> str | int:
    """The canonical string of a CSV field; ``007`` is no number and stays as it is."""
    if not text:
        return MISSING
    if text in ("True", "False"):
        return text.lower()
    if _NUMBER.fullmatch(text) and not _INTEGER.fullmatch(text):
        return from_value(float(text))
    return text


def from_json(text: str | None) -> str | int:
    """The canonical string of a value that is still JSON text."""
    if text is None:
        return MISSING
    try:
        return from_value(msgspec.json.decode(text))
    except msgspec.DecodeError:
        return INVALID
