"""The canonical form of one value: how classes, categories and numbers are read, whatever wrote them."""

from __future__ import annotations

import math
from typing import Final

from driftline.records import INVALID

INT64_LIMIT: Final = 1 << 63


def canonical(value: object) -> str | int | None:
    """The string by which a class, category or segment value is compared.

    Strings as they are (NUL and lone surrogates escaped), integral numbers as integers (``2.0 -> "2"``),
    other numbers by ``repr``, booleans ``true``/``false``. None for a missing value (None, NaN, the
    empty string); ``INVALID`` for lists, objects, non-finite numbers and integers over 64 bits.
    """
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -INT64_LIMIT <= value < INT64_LIMIT else INVALID
    if isinstance(value, float):
        return _float_text(value)
    return INVALID


def _text(value: str) -> str | None:
    if not value:
        return None
    if value.isascii():
        return value.replace("\0", "\\x00")
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _float_text(value: float) -> str | int | None:
    if math.isnan(value):
        return None
    if not math.isfinite(value):
        return INVALID
    if value.is_integer() and abs(value) < INT64_LIMIT:
        return str(int(value))
    return repr(value)


def number(value: object) -> float:
    """A number: NaN if missing (None, NaN, ""), +inf if invalid (another type, not finite, over 64 bits)."""
    if value is None or (isinstance(value, str) and not value):
        return math.nan
    if isinstance(value, float):
        return math.inf if math.isinf(value) else value
    if isinstance(value, int) and not isinstance(value, bool) and -INT64_LIMIT <= value < INT64_LIMIT:
        return float(value)
    return math.inf
