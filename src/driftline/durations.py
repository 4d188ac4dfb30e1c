"""Durations as people write them: ``"90s"``, ``"24h"``, ``"7d"``."""

from __future__ import annotations

import re

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_EXACT = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_LOOSE = re.compile(r"\s*(\d+)\s*(ms|milli|[smhdw])[a-z]*\s*", re.IGNORECASE)


def duration_ms(value: object) -> int:
    """The milliseconds of a whole number with a unit of ms, s, m, h, d or w.

    Raises
    ------
    ValueError
        Anything else, with what would be right: ``"10 min" is not a duration; write "10m"``.
    """
    if isinstance(value, str) and (exact := _EXACT.fullmatch(value)):
        return int(exact[1]) * _UNIT_MS[exact[2]]
    shown = f'"{value}"' if isinstance(value, str) else f"{value}"
    raise ValueError(f"{shown} is not a duration; write {_suggestion(value)}")


def _suggestion(value: object) -> str:
    if isinstance(value, str) and (loose := _LOOSE.fullmatch(value)):
        unit = loose[2].lower()
        return f'"{loose[1]}{"ms" if unit == "milli" else unit}"'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f'"{value}s", "{value}m" or "{value}h"'
    return 'a number and a unit of ms, s, m, h, d, w, as "10m"'
